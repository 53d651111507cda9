# SPDX-License-Identifier: LGPL-3.0-or-later
"""From a text that somebody typed to a value of a given type, as `flux config set` reads it."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from protocol import limits
from protocol.configuration import Unfit
from protocol.formats.c_numbers import REAL, WHITE_SPACE, magnitude
from protocol.formats.fsd import parse_fsd
from protocol.formats.quoted import quoted
from protocol.keys import Path

_INTEGER = re.compile(
    rf"{WHITE_SPACE} (?P<sign> [+-]? ) (?P<digits> 0[xX][0-9a-fA-F]+ | 0[0-7]* | [1-9][0-9]* )",
    re.VERBOSE | re.ASCII,
)


_REAL = re.compile(rf"{WHITE_SPACE} {REAL}", re.VERBOSE | re.ASCII)


# Text to value


def read_text(text: str, kind: str, key: Path) -> Any:
    try:
        return _READERS[kind](text)
    except ValueError as error:
        raise Unfit(str(error), key) from None


def _string(text: str) -> str:
    """A JSON string, or the text itself: `"a b"` and `a b` are the same."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, str) else text


def _integer(text: str) -> int:
    """As C's strtoll reads it with base 0: decimal, 0x for hexadecimal, 0 for octal."""
    found = _INTEGER.fullmatch(text)
    if not found:
        raise ValueError(f"{quoted(text)} is not an integer")
    digits = found["digits"]
    if len(digits) > 100:
        raise ValueError("the integer does not fit 64 bits")
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    return int(f"{found['sign']}{digits}", base)


def _real(text: str) -> float:
    """As C's strtod reads it; an integer will do."""
    found = _REAL.fullmatch(text)
    if not found:
        raise ValueError(f"{quoted(text)} is not a real number")
    return -magnitude(found) if found["sign"] == "-" else magnitude(found)


def _boolean(text: str) -> bool:
    """False for what begins with 0, f or F, and for nothing; true for everything else."""
    return text[:1] not in ("", "0", "f", "F")


def _any(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=_members)
    except RecursionError:
        raise ValueError(f"nested deeper than {limits.CONFIGURATION_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{quoted(text)} is not JSON: {error.msg}") from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key is given twice in one object")
    return members


def _json(python: type, shown: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = _any(text)
        if not isinstance(value, python):
            raise ValueError(f"{quoted(text)} is not {shown}")
        return value

    return read


def _fsd(text: str) -> str:
    value = _string(text)
    parse_fsd(value)
    return value


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "string": _string,
    "integer": _integer,
    "real": _real,
    "boolean": _boolean,
    "object": _json(dict, "a JSON object"),
    "array": _json(list, "a JSON array"),
    "any": _any,
    "fsd": _fsd,
}


KINDS: Final = frozenset(_READERS)
