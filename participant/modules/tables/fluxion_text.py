# SPDX-License-Identifier: LGPL-3.0-or-later
"""How Fluxion takes the values of its tables: as text, whatever their type in TOML.

Each value is written as compact JSON, a string without its quotes, and read as text: `8` and "8"
are the same, true is "true" (flux-sched, `process_config_file`).
"""

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BaseModel, BeforeValidator, WithJsonSchema

from protocol.formats.quoted import quoted

INT_MAX: Final = 2**31 - 1


def json_text(value: Any) -> str:
    """A value as jansson writes it, compact; strings keep their quotes."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def _text_or_pairs(value: Any) -> str:
    if isinstance(value, Mapping):
        return ",".join(f"{key}={json_text(member)}" for key, member in value.items())
    return _text(value)


Text: TypeAlias = Annotated[str, BeforeValidator(_text), WithJsonSchema({"type": "string"})]
"""Any value, as text."""

TextOrPairs: TypeAlias = Annotated[
    str, BeforeValidator(_text_or_pairs), WithJsonSchema({"type": "string"})
]
"""The same in sched-fluxion-qmanager, where a table becomes `key=value,key=value`."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The rest of a sentence that finds fault with `word`: what was meant, or could be."""
    known = tuple(known)
    near = difflib.get_close_matches(word.lower(), known, 1, 0.5)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"


def unknown_word(word: str, what: str, known: Iterable[str], taken: str) -> str:
    """A warning: Fluxion knows no such `what`, and silently takes another."""
    return f"{quoted(word)} is no {what}: Fluxion silently takes {taken}; {nearest(word, known)}"


def keys_of(table: BaseModel) -> list[str]:
    """The keys that a table knows, as they are written."""
    return [field.alias or name for name, field in type(table).model_fields.items()]


def unknown_key(name: str, table: BaseModel) -> str:
    """Why Fluxion does not load with a key that it does not know."""
    return f"unknown key; {nearest(name, keys_of(table))}"
