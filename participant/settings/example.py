# SPDX-License-Identifier: LGPL-3.0-or-later
"""The example that `flux modinfo --toml` prints: every setting, explained, at its default.

It is a configuration that the module accepts as it stands.  What has no default is commented out,
and so are tables that are absent by default.
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from participant.settings.field import RESTART
from participant.settings.layers import Tables
from participant.settings.parameters import constraints_in_words, type_in_words
from participant.settings.schema import Schema, alternatives, is_secret, members, paths_in, resolved
from participant.settings.toml_text import toml_key, toml_value

_WIDTH = 88


def example(schema: Schema, tables: Tables, purpose: str) -> str:
    """TOML text, with a comment for each setting."""
    lines = [*_comment(purpose), ""] if purpose else []
    if tables.single:
        lines += _table(schema, schema, tables.names, absent=False, restart=False)
    else:
        for name, node in members(schema, schema):
            lines += _child(schema, node, (name,), absent=False, restart=False)
    return "\n".join(lines).strip("\n") + "\n"


def _table(
    root: Schema, node: Any, path: tuple[str, ...], absent: bool, restart: bool
) -> Iterator[str]:
    """A table: its own settings first, then the tables in it, as TOML wants it."""
    own: list[tuple[str, Any]] = []
    inner: list[tuple[str, Any]] = []
    for name, child in members(root, node):
        (inner if any(members(root, child)) else own).append((name, child))
    mark = "# " if absent else ""
    if own or not inner:
        yield f"{mark}[{'.'.join(map(toml_key, path))}]"
        for name, child in own:
            yield from _setting(root, child, name, absent, restart)
            yield ""
        if not own:
            yield ""
    for name, child in inner:
        yield from _child(root, child, (*path, name), absent, restart)


def _child(
    root: Schema, node: Any, path: tuple[str, ...], absent: bool, restart: bool
) -> Iterator[str]:
    node = resolved(root, node)
    absent = absent or ("default" in node and node["default"] is None) or is_secret(root, node)
    restart = restart or _is_restart(root, node)
    yield from _comment(str(node.get("description", "")))
    if any(members(root, node)) or "object" in {
        way.get("type") for way in alternatives(root, node)
    }:
        yield from _table(root, node, path, absent, restart)
    else:  # a whole table that may be anything
        is_array = any(way.get("type") == "array" for way in alternatives(root, node))
        yield f"# {'[' * (1 + is_array)}{'.'.join(map(toml_key, path))}{']' * (1 + is_array)}"
        yield ""


def _is_restart(root: Schema, node: Mapping[str, Any]) -> bool:
    return any(way.get(RESTART) is True for way in (node, *alternatives(root, node)))


def _setting(root: Schema, node: Any, name: str, absent: bool, restart: bool) -> Iterator[str]:
    node = resolved(root, node)
    rules = [type_in_words(root, node), constraints_in_words(root, node)]
    if restart or _is_restart(root, node):
        rules.append("takes effect at load")
    default = node.get("default")
    secret = any(True for _ in paths_in(root, node))
    if secret:
        rules.append("secret")
    if default is None:
        rules.append("no default")
    told = str(node.get("description", ""))
    kind = ", ".join(filter(None, rules))
    yield from _comment(f"{told} ({kind})" if told else kind)
    if default is None or secret:
        yield f"# {toml_key(name)} ="
    else:
        yield f"{'# ' if absent else ''}{toml_key(name)} = {toml_value(default)}"


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(" ".join(text.split()), _WIDTH)]
