# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a value given as text (environment, load argument, `flux module config set`) means.

The text is read as a TOML value, where it is one and the setting takes its type; else it is the
string that it is.  So `5s` is a duration without quotes, `["a"]` an array, `5` a number where a
number is wanted and the string "5" where only a string is, and `"5"` is the string 5 everywhere.
"""

import datetime
import math
import tomllib
from typing import Any

_JSON_TYPES: dict[type, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
}


def value_of(text: str, wanted: frozenset[str]) -> Any:
    """The value that `text` means where the JSON types `wanted` are taken.

    >>> value_of("5s", frozenset({"string"})), value_of("5", frozenset({"integer"}))
    ('5s', 5)
    """
    value = _toml(text)
    kind = _JSON_TYPES.get(type(value))
    if kind is None:
        return text
    fits = kind in wanted or (kind == "integer" and "number" in wanted)
    return text if "string" in wanted and not fits else value


def _toml(text: str) -> Any:
    """The TOML value; None where the text is none that a configuration can hold."""
    try:
        document = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return None
    value = document.pop("value")
    return None if document or not _can_be_held(value) else value


def _can_be_held(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_can_be_held, value.values()))
    if isinstance(value, list):
        return all(map(_can_be_held, value))
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return not isinstance(value, datetime.date | datetime.time)
