# SPDX-License-Identifier: LGPL-3.0-or-later
"""The parameters of a module, one by one, as read from its JSON Schema."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from participant.settings.field import RESTART
from participant.settings.layers import Tables, variable
from participant.settings.schema import Schema, alternatives, members, paths_in, resolved
from protocol import limits
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

_FORMATS = {
    "fsd": "duration",
    "hostlist": "hostlist",
    "idset": "idset",
    "bytes": "size",
    "path": "path",
}
_TYPES = {"object": "table", "number": "number", "null": "nothing"}


def type_in_words(root: Schema, node: Any) -> str:
    """The type of a setting: "duration", "array of strings", "integer or string", "anything"."""
    words: dict[str, None] = {}
    for way in alternatives(root, node):
        kind = str(way.get("type", "string" if "enum" in way else "anything"))
        word = _FORMATS.get(str(way.get("format")), _TYPES.get(kind, kind))
        items = way.get("items")
        if kind == "array" and isinstance(items, Mapping):
            word = f"array of {type_in_words(root, items)}s"
        words[word] = None
    return " or ".join(words) or "nothing"


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
)


def constraints_in_words(root: Schema, node: Any) -> str:
    """What else a value must keep to, in a few words; empty where that is nothing."""
    told: list[str] = []
    for way in alternatives(root, node):
        if "enum" in way:
            told.append("one of " + ", ".join(map(str, way["enum"])))
        told += [text.format(way[word]) for word, text in _BOUNDS if word in way]
    return ", ".join(told)
