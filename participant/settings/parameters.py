# SPDX-License-Identifier: LGPL-3.0-or-later
"""The parameters of a module, one by one, as read from its JSON Schema."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from participant.settings.field import RESTART
from participant.settings.layers import Tables, variable
from participant.settings.schema import Schema, alternatives, members, paths_in, resolved
from participant.settings.words import FORMATS
from protocol import limits
from protocol.formats.fsd import format_fsd
from protocol.keys import Path, format_key
from protocol.secrets import Patterns, at, masked

NOT_SET: Final = None
"""The default of a setting that has none."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One setting."""

    path: Path
    """Its place in `Config`."""
    key: Path
    """Its place as it is written in load arguments and by `flux module config`."""
    node: Any
    """What the schema says of it."""
    restart: bool
    """It takes effect only when the module is loaded."""
    default: Any
    """As it would stand in TOML; NOT_SET where there is none."""
    required: bool
    secrets: Patterns = ()
    """What of its value is shown to nobody; () alone: all of it."""
    element: bool = False
    """It belongs to an element of an array, or of a table with free keys, and is set with that."""

    @property
    def name(self) -> str:
        """The key for people; an element is called NAME in a table, and [] in an array."""
        text = ""
        for step in self.key:
            if step == ANY_INDEX:
                text += "[]"
                continue
            shown = "NAME" if step == ANY_KEY else format_key((step,))
            text += f".{shown}" if text else shown
        return text

    @property
    def secret(self) -> bool:
        """True if its value, or something in it, is shown to nobody."""
        return bool(self.secrets)

    @property
    def description(self) -> str:
        """What it is for, in the author's words."""
        return str(self.node.get("description", "")) if isinstance(self.node, Mapping) else ""

    def variable(self, module: str) -> str:
        """The environment variable that sets it; empty for an element."""
        return "" if self.element else variable(module, self.key)


ANY_INDEX: Final = -1
ANY_KEY: Final = "*"


def parameters(schema: Schema, tables: Tables, elements: bool = False) -> Iterator[Parameter]:
    """All settings in the order of the author's `Config`; with `elements` also those of elements.

    A table whose keys are declared is no setting itself; a table with free keys is one.
    """
    secrets = tuple(paths_in(schema, schema))
    for parameter in _walk(schema, schema, (), False, elements):
        if parameter.path:
            hidden = at(secrets, parameter.path)
            default = masked(parameter.default, hidden)
            key = tables.spelt(parameter.path)
            yield replace(parameter, key=key, secrets=hidden, default=default)


def _walk(
    root: Schema, node: Any, path: Path, restart: bool, elements: bool, required: bool = False
) -> Iterator[Parameter]:
    node = resolved(root, node)
    ways = alternatives(root, node)
    restart = restart or any(way.get(RESTART) is True for way in (node, *ways))
    inner = list(members(root, node))
    if len(path) > limits.CONFIGURATION_DEPTH // 4:
        return  # a model that contains itself
    if not inner:
        default = node.get("default", NOT_SET)
        yield Parameter(
            path=path,
            key=path,
            node=node,
            restart=restart,
            default=default,
            required=required,
            element=_is_element(path),
        )
    needed = {key for way in ways for key in way.get("required", ())}
    for key, child in inner:
        yield from _walk(root, child, (*path, key), restart, elements, key in needed)
    if elements:
        for way in ways:
            yield from _elements(root, way, path, restart)


def _elements(root: Schema, node: Schema, path: Path, restart: bool) -> Iterator[Parameter]:
    for word, step in (("additionalProperties", ANY_KEY), ("items", ANY_INDEX)):
        child = node.get(word)
        if isinstance(child, Mapping) and any(members(root, child)):
            yield from _walk(root, child, (*path, step), restart, elements=True)


def _is_element(path: Path) -> bool:
    return any(step in (ANY_KEY, ANY_INDEX) for step in path)


# In words

_TYPES = {"object": "table", "number": "number", "null": "nothing"}


def type_in_words(root: Schema, node: Any) -> str:
    """The type of a setting: "duration", "array of strings", "integer or string", "anything"."""
    words: dict[str, None] = {}
    for way in alternatives(root, node):
        for kind in _kinds_of(way):
            words[_kind_in_words(root, way, kind)] = None
    return " or ".join(words) or "nothing"


def _kinds_of(way: Schema) -> list[str]:
    if "type" in way:
        return [str(way["type"])]
    values = way.get("enum", [way["const"]] if "const" in way else [])
    return list(dict.fromkeys(_JSON_TYPES.get(type(value), "string") for value in values)) or [
        "anything"
    ]


_JSON_TYPES = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}


def _kind_in_words(root: Schema, way: Schema, kind: str) -> str:
    if kind == "array" and "prefixItems" in way:
        inner = ", ".join(type_in_words(root, item) for item in way["prefixItems"])
        return f"array of {inner}"
    if kind == "array" and isinstance(way.get("items"), Mapping):
        return f"array of {_plural(type_in_words(root, way['items']))}"
    return FORMATS.get(str(way.get("format")), _TYPES.get(kind, kind))


def _plural(noun: str) -> str:
    """Of one of the nouns here: "paths of a file", "addresses", "strings".

    >>> _plural("path of a file"), _plural("IP address"), _plural("string")
    ('paths of a file', 'IP addresses', 'strings')
    """
    head, preposition, rest = noun.partition(" of ")
    if " or " in noun:
        return " or ".join(_plural(part) for part in noun.split(" or "))
    if " with " in head:
        head, preposition, rest = noun.partition(" with ")
    return head + ("es" if head.endswith("s") else "s") + preposition + rest


def _rule(way: Schema, word: str, text: str) -> str:
    told = text.format(_bound(way, way[word]))
    return re.sub(r"^1 (element|character|key)s ", r"1 \1 ", told)


def _bound(way: Schema, bound: Any) -> Any:
    """Those of a duration are durations."""
    seconds = way.get("format") == "fsd" and isinstance(bound, int | float) and bound > 0
    return format_fsd(bound) if seconds else bound


_BOUNDS = (
    ("minimum", "at least {}"),
    ("exclusiveMinimum", "more than {}"),
    ("maximum", "at most {}"),
    ("exclusiveMaximum", "less than {}"),
    ("multipleOf", "a multiple of {}"),
    ("minLength", "{} characters or more"),
    ("maxLength", "{} characters or fewer"),
    ("pattern", "matches {}"),
    ("minItems", "{} elements or more"),
    ("maxItems", "{} elements or fewer"),
    ("minProperties", "{} keys or more"),
    ("maxProperties", "{} keys or fewer"),
)


def constraints_in_words(root: Schema, node: Any) -> str:
    """What else a value must keep to, in a few words; empty where that is nothing."""
    told: list[str] = []
    for way in alternatives(root, node):
        if "enum" in way:
            told.append("one of " + ", ".join(map(str, way["enum"])))
        if "const" in way:
            told.append(f"only {way['const']}")
        if "prefixItems" in way:
            continue  # its length has been said with its type
        told += [_rule(way, word, text) for word, text in _BOUNDS if word in way]
    return ", ".join(dict.fromkeys(told))
