# SPDX-License-Identifier: LGPL-3.0-or-later
"""Values that a setting would take, made up from its JSON Schema, for settings without a default.

They are for the example of `flux modinfo --toml`, which is to be a configuration that the module
accepts.  A schema cannot say all that a module's code checks, so this is as good as it can be; for
a pattern that none of a few common texts matches there is no value.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from participant.settings.schema import Schema, alternatives, resolved
from participant.settings.words import SAMPLES
from protocol.formats.fsd import format_fsd

_DEEPEST = 8
_MOST = 64
"""Values of one setting, and elements of one array, that are made up."""

_TEXTS: Final = ("example", "a", "A", "0", "1", "x1", "a-b", "a.b", "a_b", "a:b", "a/b", "/a",
                 "1.0", "1s", "a@example.org", "00:00", "ab", "AB", "abc", "ABC",
                 "123", "0x1")  # fmt: skip


def sample(root: Schema, node: Any) -> Any:
    """A value as it stands in TOML; None where none can be made up."""
    return next(_samples(root, node, 0), None)


def _samples(root: Schema, node: Any, depth: int) -> Iterator[Any]:
    """Different values that `node` takes, a few at least where it takes a few."""
    if depth > _DEEPEST:
        return
    whole = resolved(root, node)
    yield from filter(can_stand_in_toml, whole.get("examples", ()))
    for way in alternatives(root, node):
        made = itertools.islice(_of_way(root, way, depth), _MOST)
        yield from filter(can_stand_in_toml, made)


def _of_way(root: Schema, way: Schema, depth: int) -> Iterator[Any]:
    values = way.get("enum", [way["const"]] if "const" in way else None)
    if values is not None:
        yield from filter(can_stand_in_toml, values)
        return
    match way.get("type"):
        case "boolean":
            yield from (False, True)
        case "integer":
            yield from _numbers(way, whole=True)
        case "number":
            yield from _numbers(way, whole=False)
        case "array":
            yield from _arrays(root, way, depth)
        case "object":
            yield from _tables(root, way, depth)
        case _:
            yield from _texts(way)


def _numbers(way: Schema, whole: bool) -> Iterator[float]:
    step = way.get("multipleOf", 1)
    if whole and not isinstance(step, int):
        return
    least = max(way.get("minimum", -math.inf), way.get("exclusiveMinimum", -math.inf))
    most = min(way.get("maximum", math.inf), way.get("exclusiveMaximum", math.inf))
    if "multipleOf" not in way and math.isfinite(most) and math.isfinite(least) and not whole:
        step = (most - least) / 4 or 1  # so that one of them lies between
    if math.isfinite(least):
        begin = math.ceil(least / step) * step
    else:
        begin = math.floor(most / step) * step - _MOST * step if math.isfinite(most) else step
    for count in range(2 * _MOST):
        number = begin + count * step
        above = least < number if "exclusiveMinimum" in way else least <= number
        below = number < most if "exclusiveMaximum" in way else number <= most
        if above and below:
            yield int(number) if whole else float(number)


def _texts(way: Schema) -> Iterator[str]:
    form = way.get("format")
    if form == "fsd":
        yield from (format_fsd(number) for number in _numbers(way, whole=False))
        return
    if form == "bytes" and any(word in way for word in ("minimum", "exclusiveMinimum", "maximum")):
        yield from (str(number) for number in _numbers(way, whole=True))
        return
    shortest, longest = way.get("minLength", 0), way.get("maxLength", math.inf)
    texts = (SAMPLES[form],) if form in SAMPLES else _TEXTS
    numbered = (f"example{number}" for number in range(2, _MOST)) if form not in SAMPLES else ()
    filled = ("x" * shortest, "0" * shortest) if shortest else ("", "x")
    for text in (*texts, *numbered, *filled):
        if shortest <= len(text) <= longest and _matches(way.get("pattern"), text):
            yield text


def _matches(pattern: Any, text: str) -> bool:
    if pattern is None:
        return True
    with suppress(re.error):  # pydantic's are Rust's, with small differences
        return re.search(str(pattern), text) is not None
    return False


def _arrays(root: Schema, way: Schema, depth: int) -> Iterator[list[Any]]:
    if "prefixItems" in way:
        first = [next(_samples(root, item, depth + 1), None) for item in way["prefixItems"]]
        if None not in first:
            yield first
        return
    count = way.get("minItems", 0)
    if count > _MOST:
        return
    made = _samples(root, way.get("items", {}), depth + 1)
    if not way.get("uniqueItems"):
        made = itertools.repeat(next(made, None))
    elements = list(itertools.islice(made, count))
    if len(elements) == count and None not in elements:
        yield elements


def _tables(root: Schema, way: Schema, depth: int) -> Iterator[dict[str, Any]]:
    properties = way.get("properties", {})
    table = {
        key: next(_samples(root, properties.get(key, {}), depth + 1), None)
        for key in way.get("required", ())
    }
    free = way.get("additionalProperties", True)
    missing = way.get("minProperties", 0) - len(table)
    if missing > 0 and free is not False:
        names: Iterator[Any] = map(str, range(1, _MOST))  # they may have to be numbers
        if "propertyNames" in way:
            names = _samples(root, way["propertyNames"], depth + 1)
        described = free if isinstance(free, Mapping) else {}
        value = next(_samples(root, described, depth + 1), None)
        table |= dict.fromkeys(map(str, itertools.islice(names, missing)), value)
    if None not in table.values():
        yield table


def can_stand_in_toml(value: Any) -> bool:
    """Returns True if this value, made of JSON's types, can stand in a file in TOML."""
    match value:
        case bool() | str():
            return True
        case int():
            return -(2**63) <= value < 2**63
        case float():
            return math.isfinite(value)
        case dict():
            return all(map(can_stand_in_toml, value.values()))
        case list() | tuple():
            one_type = len({type(element) for element in value}) <= 1  # Flux's rule
            return one_type and all(map(can_stand_in_toml, value))
    return False
