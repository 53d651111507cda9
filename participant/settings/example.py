# SPDX-License-Identifier: LGPL-3.0-or-later
"""The example that `flux modinfo --toml` prints: every setting, explained, at its default.

It is a configuration that the module accepts as it stands.  What is required has a value that is
made up; what may be left out and has no default is commented out, and so are tables that are absent
by default.
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from participant.settings.field import RESTART
from participant.settings.layers import Tables
from participant.settings.parameters import constraints_in_words, type_in_words
from participant.settings.sample import can_stand_in_toml, sample
from participant.settings.schema import Schema, alternatives, is_secret, members, paths_in, resolved
from participant.settings.toml_text import toml_key, toml_value
from protocol.reasons import printable

_WIDTH = 88
_NONE: Final = object()


class _Place(NamedTuple):
    """What is known of a place from the tables around it."""

    required: bool
    absent: bool = False
    """It is commented out."""
    restart: bool = False
    default: Any = _NONE
    """What a default of a table around it says; _NONE where that is nothing."""


def example(schema: Schema, tables: Tables, purpose: str) -> str:
    """TOML text, with a comment for each setting."""
    lines = [*_comment(purpose), ""] if purpose else []
    if tables.single:
        lines += _table(schema, schema, tables.names, _Place(required=True))
    else:
        needed = schema.get("required", ())
        for name, node in members(schema, schema):
            lines += _child(schema, node, (name,), _Place(required=name in needed))
    return "\n".join(lines).strip("\n") + "\n"


def _table(root: Schema, node: Any, path: tuple[str, ...], place: _Place) -> Iterator[str]:
    """A table: its own settings first, then the tables in it, as TOML wants it."""
    own: list[tuple[str, Any, _Place]] = []
    inner: list[tuple[str, Any, _Place]] = []
    needed = {key for way in alternatives(root, node) for key in way.get("required", ())}
    given = place.default if isinstance(place.default, Mapping) else {}
    for name, child in members(root, node):
        there = place._replace(required=name in needed, default=given.get(name, _NONE))
        (inner if _is_table(root, child, there) else own).append((name, child, there))
    mark = "# " if place.absent else ""
    if own or not inner:
        yield f"{mark}[{'.'.join(map(toml_key, path))}]"
        for name, child, there in own:
            yield from _setting(root, child, name, there)
            yield ""
        if not own:
            yield ""
    for name, child, there in inner:
        yield from _child(root, child, (*path, name), there)


def _is_table(root: Schema, node: Any, place: _Place) -> bool:
    """Returns True if it is written as a table of its own: nothing else can stand there."""
    ways = alternatives(root, node)
    default = _default(resolved(root, node), place)
    if len(ways) != 1 or not any(members(root, node)):
        return False
    return default is _NONE or default is None or isinstance(default, Mapping)


def _default(node: Schema, place: _Place) -> Any:
    return node.get("default", _NONE) if place.default is _NONE else place.default


def _child(root: Schema, node: Any, path: tuple[str, ...], place: _Place) -> Iterator[str]:
    node = resolved(root, node)
    default = _default(node, place)
    left_out = default is None or (is_secret(root, node) and not place.required)
    place = place._replace(
        absent=place.absent or left_out,
        restart=place.restart or _is_restart(root, node),
        default=default,
    )
    yield from _comment(str(node.get("description", "")))
    if any(members(root, node)) or "object" in {
        way.get("type") for way in alternatives(root, node)
    }:
        yield from _table(root, node, path, place)
    else:  # a whole table that may be anything
        is_array = any(way.get("type") == "array" for way in alternatives(root, node))
        yield f"# {'[' * (1 + is_array)}{'.'.join(map(toml_key, path))}{']' * (1 + is_array)}"
        yield ""


def _is_restart(root: Schema, node: Mapping[str, Any]) -> bool:
    return any(way.get(RESTART) is True for way in (node, *alternatives(root, node)))


def _setting(root: Schema, node: Any, name: str, place: _Place) -> Iterator[str]:
    node = resolved(root, node)
    rules = [type_in_words(root, node), constraints_in_words(root, node)]
    if place.restart or _is_restart(root, node):
        rules.append("takes effect at load")
    secret = any(True for _ in paths_in(root, node))
    if secret:
        rules.append("secret")
    default = _default(node, place)
    if default is _NONE and place.required:
        rules.append("required")
        value = sample(root, node)
    else:
        if default is _NONE or default is None:
            rules.append("no default")
        value = None if default is _NONE or secret else _without_nothing(default)
    told = str(node.get("description", ""))
    kind = ", ".join(filter(None, rules))
    yield from _comment(f"{told} ({kind})" if told else kind)
    if value is None or not can_stand_in_toml(value):
        yield f"# {toml_key(name)} ="
    else:
        yield f"{'# ' if place.absent else ''}{toml_key(name)} = {toml_value(value)}"


def _without_nothing(value: Any) -> Any:
    """`value` without the keys that are null, a word that TOML does not have."""
    if isinstance(value, Mapping):
        return {key: _without_nothing(child) for key, child in value.items() if child is not None}
    if isinstance(value, list | tuple):
        return [_without_nothing(child) for child in value]
    return value


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(" ".join(map(printable, text.split())), _WIDTH)]
