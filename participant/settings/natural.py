# SPDX-License-Identifier: LGPL-3.0-or-later
"""Types that TOML has no word for, read from what a TOML file can hold.

pydantic is strict here, so that 8.0 is no integer; but strict also means that an Enum must come as
one, a set as a set, an address as an object, and none of these can stand in a file.  pydantic has
the answer for JSON, where strict means: the one natural way to write it.  This file gives a table
of a configuration the same treatment: what comes as text, number or array is read as strict JSON
is, and what an author wrote as a default in Python's own types is taken as ever.

https://docs.pydantic.dev/latest/concepts/conversion_table/
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticCustomError, PydanticKnownError, SchemaValidator

from participant.settings.others import (
    Node,
    is_of_others,
    schemas_in,
    validator_of,
    with_definitions,
)
from participant.settings.words import shown_value, wanted_of

_LEAVES: Final = frozenset(
    {
        "bytes",
        "complex",
        "date",
        "datetime",
        "decimal",
        "enum",
        "fraction",
        "time",
        "timedelta",
        "uuid",
    }
)
"""Core schemas of one value that strict Python takes only as an object of its own type."""

_COLLECTIONS: Final = frozenset(
    {"counter", "dataclass", "deque", "frozenset", "ordered-dict", "set", "tuple"}
)
"""Those that may be made from an array or a table; what is in them stays strict."""

_INNER: Final = frozenset({*_COLLECTIONS, "definition-ref", "dict", "generator", "list", "model"})

_CONSTRAINTS: Final = ("greater_", "less_", "multiple_", "decimal_max", "decimal_whole",
                       "bytes_too", "date_past", "date_future", "datetime_past",
                       "datetime_future", "timezone_", "enum", "uuid_version")  # fmt: skip
"""How pydantic's errors begin that are about a value that could be read."""

_FLUX_DATE_TIME: Final = "iso-8601-ts"
"""The one key of the table that Flux makes of a TOML date-time."""


def read_from_toml(made: Node, resolve: Callable[[Any], Any]) -> None:
    """Change the core schema of a class of settings so that it takes what TOML can hold.

    `resolve` finds what a definition-ref stands for; LookupError where nobody knows yet.
    """
    node = resolve(made)
    while node.get("type") != "model":  # what validators of the whole class are around it
        node = node["schema"]
    _Fields(resolve, node.get("config")).adapt(node)


class _Fields:
    """Goes to the fields of one class of settings, and adapts each."""

    def __init__(self, resolve: Callable[[Any], Any], config: Any) -> None:
        self._resolve = resolve
        self._config = config
        self._seen: set[str] = set()

    def adapt(self, node: Node) -> None:
        """Change all that is below `node`."""
        for parent, key in _places_in(node):
            child = parent[key]
            if child["type"] in _AROUND_FIELDS:
                self.adapt(child)
                continue
            whole = with_definitions(child, self._resolve)
            if whole is None:
                _adapt(child, self._resolve, self._seen)
            else:
                parent[key] = self._strict(child, whole)

    def _strict(self, node: Node, whole: Node) -> Node:
        """`node`, in which are classes of others, read by a validator of its own.

        What such a class is to others stays as its author made it; and pydantic would take the
        validator that the class has, whatever its schema says here.
        """
        seen = {definition["ref"] for definition in whole["definitions"]}
        for schema in (whole["schema"], *whole["definitions"]):
            _adapt(schema, self._resolve, seen)
        read = validator_of(whole, self._config).validate_python
        function = {"type": "no-info", "function": lambda value, _: read(value)}
        return {"type": "function-wrap", "function": function, "schema": node}


_AROUND_FIELDS: Final = frozenset(
    {"default", "function-after", "function-before", "function-wrap", "model-field", "model-fields"}
)


def _places_in(node: Node) -> Iterator[tuple[Node, str]]:
    """Where the schemas below this one are, which is one around fields."""
    if isinstance(node.get("schema"), dict):
        yield node, "schema"
    fields = node.get("fields", {})
    yield from ((fields, name) for name in fields)


def _adapt(node: Any, resolve: Callable[[Any], Any], seen: set[str]) -> None:
    kind = node.get("type")
    if kind == "definition-ref":
        _adapt_definition(node, resolve, seen)
    elif kind == "model" and not is_of_others(node):
        return  # a class of settings has done this itself, and a lax one is meant to be
    elif _is_leaf(node):
        _wrap(node)
    else:
        if is_of_others(node):
            node["config"] = {**node.get("config", {}), "strict": True}
        if kind in _COLLECTIONS or kind == "lax-or-strict":
            node["strict"] = False
        keys = node.get("keys_schema")
        if isinstance(keys, dict) and keys.get("type") in ("int", "float", "bool"):
            keys["strict"] = False  # the keys of a table are always text
        for inner in schemas_in(node):
            _adapt(inner, resolve, seen)


def _adapt_definition(node: Node, resolve: Callable[[Any], Any], seen: set[str]) -> None:
    if node["schema_ref"] in seen:
        return
    seen.add(node["schema_ref"])
    try:
        target = resolve(node)
    except LookupError:  # the class that is being made, in itself
        return
    _adapt(target, resolve, seen)


def _is_leaf(node: Node) -> bool:
    kind = node.get("type")
    if kind == "literal":
        return any(type(value) not in (str, int, bool, float) for value in node["expected"])
    return kind in _LEAVES or (kind == "lax-or-strict" and not _has_inner(node))


def _has_inner(node: Node) -> bool:
    return any(
        inner.get("type") in _INNER or _has_inner(inner) for inner in schemas_in(node)
    )  # fmt: skip


def _wrap(node: Node) -> None:
    """Put a reader of TOML's types around a leaf, in its place."""
    leaf = dict(node)
    reference = leaf.pop("ref", None)
    read = _reader(leaf)
    node.clear()
    node.update(type="function-wrap", function={"type": "no-info", "function": read}, schema=leaf)
    if reference is not None:
        node["ref"] = reference


def _members(leaf: Any) -> dict[tuple[type, Any], Any]:
    """What an enumeration takes, by type and value; empty where not all of it can be in a file."""
    found = {}
    for member in leaf.get("members") or leaf.get("expected") or ():
        value = getattr(member, "value", member)
        if type(value) not in (str, bool, int, float):
            return {}
        found[type(value), value] = member
    return found


def _reader(leaf: Any) -> Callable[[Any, Callable[[Any], Any]], Any]:
    strict = SchemaValidator(leaf, {"strict": True})
    described = GenerateJsonSchema().generate(leaf)
    wanted = wanted_of(described)

    members = _members(leaf)

    def read(value: Any, handler: Callable[[Any], Any]) -> Any:
        if type(value) not in (str, bool, int, float, list, dict):
            return handler(value)
        if members:  # of which JSON would take true for 1, and 1.0, too
            if type(value) in (list, dict) or (type(value), value) not in members:
                expected = " or ".join(repr(known) for _, known in members)
                raise PydanticKnownError("enum", {"expected": expected})
            return members[type(value), value]
        given = value
        if leaf["type"] == "datetime" and type(value) is dict and list(value) == [_FLUX_DATE_TIME]:
            given = value[_FLUX_DATE_TIME]
        try:
            return strict.validate_json(json.dumps(given))
        except ValidationError as error:
            faults = error.errors(include_url=False)
            if not wanted or faults[0]["type"].startswith(_CONSTRAINTS):
                raise
        context = {"wanted": wanted, "got": shown_value(value)}
        raise PydanticCustomError("natural_type", "must be {wanted}, not {got}", context)

    return read
