"""One key given a value, or taken away: the change that `flux config set` and `unset` ask for.

The edit is made to whatever runs when its turn comes, inside the transaction, so that fifty people
who each set another key at the same moment all find theirs afterwards.  A value arrives as the text
that was typed; what it means depends on a type, which may be that of the value it replaces, and
that too is only known when the turn has come.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, NoReturn

import msgpack

from protocol import limits
from protocol.configuration import Configuration, Unfit
from protocol.formats.c_numbers import REAL, WHITE_SPACE, magnitude
from protocol.formats.fsd import parse_fsd
from protocol.formats.quoted import quoted
from protocol.keys import Path

TYPE_UNKNOWN: Final = "Type is unknown, please specify --type"

_INTEGER = re.compile(
    rf"{WHITE_SPACE} (?P<sign> [+-]? ) (?P<digits> 0[xX][0-9a-fA-F]+ | 0[0-7]* | [1-9][0-9]* )",
    re.VERBOSE | re.ASCII,
)
_REAL = re.compile(rf"{WHITE_SPACE} {REAL}", re.VERBOSE | re.ASCII)


class Edit(NamedTuple):
    """Set `key` to what `text` means as `kind`; without a text, unset it.

    `kind` is one of KINDS, or None for the type of the value that is there.
    """

    key: Path
    text: str | None
    kind: str | None = None

    def applied_to(self, running: Configuration) -> Configuration:
        """`running` with this edit made; `running` itself where nothing changes.

        Raises Unfit, with a sentence for people, where the edit cannot be made.
        """
        tree = running.plain()
        if self.text is None:
            if not _unset(tree, self.key):
                return running
        else:
            value = _value(self.text, self._kind(running), self.key)
            _check(value, self.key)
            _set(tree, self.key, value)
        encoded: bytes = msgpack.packb(tree, use_bin_type=True)
        if len(encoded) > limits.CONFIGURATION_BYTES:
            raise Unfit(
                f"the configuration would take {len(encoded)} bytes; "
                f"at most {limits.CONFIGURATION_BYTES} are allowed"
            )
        return Configuration(encoded)

    def _kind(self, running: Configuration) -> str:
        if self.kind is not None:
            return self.kind
        try:
            return kind_of(running.get(self.key))
        except KeyError:
            raise Unfit(TYPE_UNKNOWN) from None


def kind_of(value: object) -> str:
    """The name of the type of a value of a configuration."""
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, tuple | list):
        return "array"
    return _NAMES[type(value)]


_NAMES = {str: "string", bool: "boolean", int: "integer", float: "real"}


# Text to value


def _value(text: str, kind: str, key: Path) -> Any:
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


# Value to place


def _check(value: Any, key: Path) -> None:
    """Raise Unfit where `value` cannot be part of a configuration at `key`."""
    probe: Any = value
    for step in reversed(key):
        probe = {step if isinstance(step, str) else "": probe}
    try:
        Configuration.of(probe)
    except Unfit as unfit:
        raise Unfit(unfit.message, (*key, *unfit.key[len(key) :])) from None


def _set(tree: dict[str, Any], key: Path, value: Any) -> None:
    """Put `value` at `key` of `tree`, whose tables are in order and stay so."""
    place: Any = tree
    for depth, step in enumerate(key):
        last = depth == len(key) - 1
        if isinstance(step, int):
            _check_index(place, key[: depth + 1])
        elif not isinstance(place, dict):
            raise Unfit("is not a table, so nothing can be set in it", key[:depth])
        elif step not in place:
            place[step] = None if last else {}
            ordered = sorted(place.items())
            place.clear()
            place.update(ordered)
        if last:
            place[step] = _ordered(value)
        else:
            place = place[step]


def _check_index(place: Any, key: Path) -> None:
    index = key[-1]
    assert isinstance(index, int)
    if not isinstance(place, list) or index >= len(place):
        raise Unfit("there is no such element to set; set the whole array", key)


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_ordered(member) for member in value]
    return value


def _unset(tree: dict[str, Any], key: Path) -> bool:
    """Take `key` out of `tree`; whether it was there."""
    place: Any = tree
    for step in key[:-1]:
        if not _has(place, step):
            return False
        place = place[step]
    if not _has(place, key[-1]):
        return False
    del place[key[-1]]
    return True


def _has(place: Any, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(place, list) and step < len(place)
    return isinstance(place, dict) and step in place
