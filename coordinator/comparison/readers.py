# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who reads a key, as the modules have described themselves when they joined.

A description is what somebody else wrote (JSON Schema, in whatever shape), so nothing in it is
relied on: what cannot be made out is taken for read, and nobody is warned of it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from protocol import limits
from protocol.keys import Path

_RESTART: Final = "x-restart"
"""As in participant/settings/field.py; a schema's word for: only when the module is loaded."""
_REMEMBERED: Final = 10_000
_ANYTHING: Final[dict[str, Any]] = {}
_DEEPEST: Final = 2 * limits.CONFIGURATION_DEPTH


class Found(NamedTuple):
    """What one reader makes of a key."""

    known: int
    """How many steps of the path it reads; all of them where the key is read."""
    names: frozenset[str] = frozenset()
    """What it would read in place of the first step that it does not."""
    restart: bool = False
    """A new value takes effect only when the module is loaded again."""


class Reader(NamedTuple):
    """One module: its tables, and what it takes in them."""

    name: str
    tables: tuple[str, ...]
    single: bool
    schema: Mapping[str, Any]
    memory: dict[tuple[int, Path], Found]
    """What was found below a node of the schema: of a thousand queues each has the same keys."""

    def find(self, path: Path) -> Found:
        """What it makes of the key at `path` of the whole configuration."""
        if path[0] not in self.tables:
            return Found(0, frozenset(self.tables))
        if self.single:
            found = _walk(self, self.schema, path[1:], 0)
            return found._replace(known=found.known + 1)
        return _walk(self, self.schema, path, 0)


def reader_of(name: str, description: str) -> Reader | None:
    """The reader behind a Join; None where its description does not say what it reads."""
    told = _told(description)
    return None if told is None else Reader(name, *told, {})


@lru_cache(maxsize=limits.MEMBERS)
def _told(description: str) -> tuple[tuple[str, ...], bool, Mapping[str, Any]] | None:
    try:
        told = json.loads(description)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    tables, schema = told.get("tables"), told.get("schema")
    if not isinstance(tables, list) or not isinstance(schema, dict):
        return None
    return tuple(str(table) for table in tables), told.get("single") is True, schema


def readers_by_table(readers: Iterable[Reader]) -> dict[str | int, list[Reader]]:
    """Those that have each table."""
    found: dict[str | int, list[Reader]] = {}
    for reader in readers:
        for table in reader.tables:
            found.setdefault(table, []).append(reader)
    return found


# The way through a schema


def _walk(reader: Reader, node: Any, path: Path, depth: int) -> Found:
    """The farthest that one of the alternatives of `node` leads along `path`."""
    if not path:
        return Found(0, restart=_is_restart(node))
    known = id(node), path  # the reader holds the schema, so a node stays the one it is
    if known not in reader.memory:
        if len(reader.memory) >= _REMEMBERED:
            reader.memory.clear()
        reader.memory[known] = _farthest(reader, node, path, depth)
    return reader.memory[known]


def _farthest(reader: Reader, node: Any, path: Path, depth: int) -> Found:
    best: Found | None = None
    for way in _ways(reader.schema, node, depth):
        found = _step(reader, way, path, depth)
        if best is None or found.known > best.known:
            best = found
        elif found.known == best.known:
            names, restart = best.names | found.names, best.restart or found.restart
            best = Found(best.known, names, restart)
    if best is None:
        return Found(len(path), restart=_is_restart(node))
    return best._replace(restart=best.restart or _is_restart(node))


def _step(reader: Reader, way: Mapping[str, Any], path: Path, depth: int) -> Found:
    following = _member(way, path[0])
    if following is None:
        properties = way.get("properties")
        names = properties if isinstance(properties, dict) else ()
        return Found(0, frozenset(str(name) for name in names))
    found = _walk(reader, following, path[1:], depth + 1)
    return found._replace(known=found.known + 1)


def _member(way: Mapping[str, Any], step: str | int) -> Any:
    """What the schema says of what lies at `step`; None where it does not read that."""
    if isinstance(step, int):
        return way.get("items", _ANYTHING)
    properties = way.get("properties")
    if isinstance(properties, dict) and step in properties:
        return properties[step]
    others = way.get("additionalProperties")
    if isinstance(others, dict):
        return others
    if others is True or (others is None and not isinstance(properties, dict)):
        return _ANYTHING  # it takes whatever there is
    patterns = way.get("patternProperties")
    return _ANYTHING if isinstance(patterns, dict) else None


def _ways(root: Mapping[str, Any], node: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """The alternatives of a node, flat, with what its `$ref` points to."""
    if depth > _DEEPEST or not isinstance(node, dict):
        return
    reference = node.get("$ref")
    if isinstance(reference, str):
        definitions = root.get("$defs")
        name = reference.removeprefix("#/$defs/")
        target = definitions.get(name) if isinstance(definitions, dict) else None
        yield from _ways(root, target, depth + 1)
        return
    for word in ("anyOf", "oneOf", "allOf"):
        branches = node.get(word)
        if isinstance(branches, list):
            for branch in branches:
                yield from _ways(root, branch, depth + 1)
            return
    if node.get("type") in (None, "object", "array") or isinstance(node.get("type"), list):
        yield node


def _is_restart(node: Any) -> bool:
    return isinstance(node, dict) and node.get(_RESTART) is True
