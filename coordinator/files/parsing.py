# SPDX-License-Identifier: LGPL-3.0-or-later
"""Texts become one configuration: parsed, held to the rules, merged as Flux merges.

Where Flux tells the first fault that it meets, this tells all of them, with the place of each: who
has broken three files wants to hear of three.  No text may stop the coordinator, however it makes
a parser fall over.
"""

import ast
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from typing import Any

import msgpack
import tomli

from coordinator.files import flux_toml
from coordinator.files.positions import find_position, line_and_column
from coordinator.files.reading import Source, Unreadable, file_reason
from protocol import limits
from protocol.configuration import Configuration, Unfit
from protocol.keys import Path, format_key
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason, bounded

_TOO_DEEP = f"nested deeper than {limits.CONFIGURATION_DEPTH} levels"
_TOO_LARGE = "the integer does not fit 64 bits"
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_KEYS = re.compile(r"(?<=^Cannot declare )\(.*\)|(?<= namespace )\(.*\)\Z")
_ENDLESS_DIGITS = re.compile(r"(?<![0-9_])[0-9][0-9_]{600}")


def merge(sources: Iterable[Source]) -> Configuration:
    """The configuration that `sources` give, merged in their order as Flux merges.

    Tables merge recursively; a later scalar or array replaces an earlier one; a table and anything
    else replace each other; an empty table adds nothing to a table.  A TOML date-time becomes
    `{"iso-8601-ts": "…Z"}`, as in Flux: in UTC, whole seconds, one without an offset taken as UTC.
    Raises Unreadable, with every file's faults, where the texts are no TOML 1.0 or no JSON
    (RFC 8259), break a rule of `coordinator.files.flux_toml`, or hold what a configuration cannot.
    """
    files = tuple(sources)
    reasons: list[Reason] = []
    merged: dict[str, Any] = {}
    for source in files:
        try:
            _update(merged, _parse(source))
        except Unreadable as refused:
            reasons.extend(refused.reasons)
    if reasons:
        raise Unreadable(reasons)
    try:
        return Configuration.of(merged)
    except Unfit as unfit:
        place = find_position(files, unfit.key)
        unfit_reason = Reason("config", unfit.message, unfit.key, place, ReasonCode.SYNTAX)
        raise Unreadable([unfit_reason]) from None


def read_patch(source: Source) -> bytes:
    """The patch (RFC 7396) that one text is, in msgpack; in JSON, null can take a key away.

    Raises Unreadable, as `merge` does, and for a null in an array.
    """
    encoded: bytes = msgpack.packb(_parse(source, nulls=True), use_bin_type=True)
    if len(encoded) > limits.CONFIGURATION_BYTES:
        text = f"the patch takes {len(encoded)} bytes; at most {limits.CONFIGURATION_BYTES} can be"
        raise Unreadable([file_reason(source.name, text)])
    return encoded


def _parse(source: Source, nulls: bool = False) -> dict[str, Any]:
    """The tree of one text, date-times already as Flux shows them.  Raises Unreadable.

    `nulls`: the value of a key may be null.
    """
    text = _decode(source)
    tree = _tree(source, text)
    reasons: list[Reason] = []
    if source.format == "toml":
        reasons.extend(bounded(flux_toml.refusals(source, text, tree)))
    reasons.extend(bounded(_located(source, tree, nulls)))
    if reasons:
        raise Unreadable(reasons)
    return tree


def _decode(source: Source) -> str:
    try:
        text = source.text.decode()
    except UnicodeDecodeError as error:
        before = source.text[: error.start].decode()
        place = line_and_column(before, len(before))
        raise Unreadable(
            [file_reason(source.name, "the text is not valid UTF-8", *place)]
        ) from None
    if text.startswith("\ufeff"):
        message = "the text begins with a byte order mark; save it as UTF-8 without one"
        raise _at(source, text, 0, message)
    if "\0" in text:
        raise _at(source, text, text.index("\0"), "the text holds a NUL character")
    return text


def _tree(source: Source, text: str) -> dict[str, Any]:
    try:
        if source.format == "toml":
            tree: Any = tomli.loads(text)
        else:
            tree = _JSON.decode(text)
    except (tomli.TOMLDecodeError, json.JSONDecodeError) as error:
        place = (error.lineno, error.colno)
        raise Unreadable([file_reason(source.name, _plain(error.msg), *place)]) from None
    except RecursionError:
        begins = flux_toml.first_deeper(text, limits.CONFIGURATION_DEPTH)
        if begins is None:  # a key of very many parts
            raise Unreadable([file_reason(source.name, _TOO_DEEP)]) from None
        raise _at(source, text, begins, _TOO_DEEP) from None
    except ValueError:  # the one left: Python converts no integer of thousands of digits
        digits = _ENDLESS_DIGITS.search(text)
        raise _at(source, text, digits.start() if digits else 0, _TOO_LARGE) from None
    if not isinstance(tree, dict):
        raise _at(source, text, len(text) - len(text.lstrip()), "the top level must be an object")
    return tree


def _plain(message: str) -> str:
    """A parser's message with a small first letter and with keys as people write them."""
    text = _KEYS.sub(lambda key: format_key(ast.literal_eval(key[0])), message)
    text = text.replace("overwrite a value", "give a key a second value")
    return text[:1].lower() + text[1:]


class _Repetitive(dict[str, Any]):
    """An object that gives a key twice.

    JSON leaves the meaning of that open (RFC 8259, section 4), TOML forbids it; taking one of two
    values in silence is how an edited file fails to do what it says.  So it is refused.
    """

    repeated: list[str]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    repetitive = _Repetitive(members)
    counts = Counter(key for key, _ in pairs)
    repetitive.repeated = [key for key, count in counts.items() if count > 1]
    return repetitive


def _integer(digits: str) -> int:
    return int(digits) if len(digits) < 100 else 2**100  # too large either way


_JSON = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer)


def _located(source: Source, tree: dict[str, Any], nulls: bool) -> Iterator[Reason]:
    faults: list[tuple[Path, str]] = []
    _settle(tree, (), faults, nulls)
    for path, message in faults:
        shown = path[:8] if message == _TOO_DEEP else path
        place = find_position((source,), path)
        yield Reason("config", message, shown, place, ReasonCode.SYNTAX)


def _settle(container: Any, path: Path, faults: list[tuple[Path, str]], nulls: bool) -> None:
    """Give date-times their final form, in place; note what no configuration can hold."""
    if len(path) >= limits.CONFIGURATION_DEPTH:
        faults.append((path, _TOO_DEEP))
        return
    if isinstance(container, _Repetitive):
        faults.extend(((*path, key), "the key is given twice") for key in container.repeated)
    steps = container.items() if isinstance(container, dict) else enumerate(container)
    for step, value in steps:
        if type(value) is str:
            continue  # most are
        if isinstance(value, dict | list):
            _settle(value, (*path, step), faults, nulls and isinstance(value, dict))
        elif isinstance(value, datetime):
            try:
                container[step] = flux_toml.timestamp(value)
            except OverflowError:
                message = "the date-time lies outside of the years 1 to 9999"
                faults.append(((*path, step), message))
        elif value is None and nulls:
            continue
        elif fault := _fault(value):
            faults.append(((*path, step), fault))


def _fault(value: Any) -> str | None:
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        return _TOO_LARGE
    if isinstance(value, float) and not math.isfinite(value):
        return "a number must be finite"
    if isinstance(value, date | time):
        return "a date or a time alone is not allowed; write a date with a time, or a string"
    if value is None:
        return "null is not allowed; leave the key out"
    return None


def _update(tree: dict[str, Any], other: dict[str, Any]) -> None:
    """Merge `other` into `tree`, which takes parts of it over."""
    for key, value in other.items():
        present = tree.get(key)
        if isinstance(present, dict) and isinstance(value, dict):
            _update(present, value)
        else:
            tree[key] = value


def _at(source: Source, text: str, offset: int, message: str) -> Unreadable:
    return Unreadable([file_reason(source.name, message, *line_and_column(text, offset))])
