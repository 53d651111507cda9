# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a module can be told, as JSON Schema (https://json-schema.org/draft/2020-12), and the way
about in it.

The schema is made once from the author's `Config` and travels to the coordinator in Join.  Whatever
has to know the parameters of a module (modinfo, environment variables, load arguments, the report
of values in force) reads them here, so that all of them see the same.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, TypeAlias

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, NoDefault

from participant.settings.field import SECRET
from protocol import limits
from protocol.keys import Path
from protocol.secrets import ANY, MASK, masked

Schema: TypeAlias = Mapping[str, Any]


class _WithFactories(GenerateJsonSchema):
    """Also tells the defaults that come from a `default_factory`."""

    def get_default_value(self, schema: Any) -> Any:
        factory = schema.get("default_factory")
        if factory is None or schema.get("default_factory_takes_data"):
            return super().get_default_value(schema)
        made = factory()
        return NoDefault if isinstance(made, BaseModel) else made

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        described = super().default_schema(schema)
        if isinstance(described.get("default"), float) and "inf" in str(described["default"]):
            del described["default"]  # JSON has no word for it
        return described


@cache
def schema_of(model: type[BaseModel]) -> Schema:
    """The JSON Schema of what may stand in the file; made once for each model."""
    schema = model.model_json_schema(schema_generator=_WithFactories)
    for node in _nodes(schema):
        _hide_defaults(schema, node)
    return schema


def resolved(root: Schema, node: Any) -> Schema:
    """`node`, with what its `$ref` points to in place of that; its own words come first."""
    if not isinstance(node, Mapping):
        return {}
    reference = node.get("$ref")
    if not isinstance(reference, str):
        return node
    target = root.get("$defs", {}).get(reference.removeprefix("#/$defs/"), {})
    return {**target, **{word: value for word, value in node.items() if word != "$ref"}}


def alternatives(root: Schema, node: Any) -> list[Schema]:
    """The ways in which a value may satisfy `node`, flat; `null`, unknown to TOML, is none."""
    whole = resolved(root, node)
    branches = whole.get("anyOf") or whole.get("oneOf")
    if branches is None:
        branches = whole.get("allOf") if len(whole.get("allOf", ())) == 1 else None
    if branches is None:
        return [] if whole.get("type") == "null" else [whole]
    return [way for branch in branches for way in alternatives(root, branch)]


def kinds(root: Schema, node: Any) -> frozenset[str]:
    """The JSON types that `node` takes; all of them where it does not say."""
    names: set[str] = set()
    for way in alternatives(root, node):
        if "type" in way:
            names.add(str(way["type"]))
        else:
            enum = way.get("enum")
            strings = enum and all(isinstance(value, str) for value in enum)
            names.update({"string"} if strings else _ALL)
    return frozenset(names)


_ALL = frozenset({"string", "integer", "number", "boolean", "array", "object"})


def members(root: Schema, node: Any) -> Iterator[tuple[str, Any]]:
    """The keys of the table that `node` describes, if it does, each with its own node."""
    for way in alternatives(root, node):
        properties = way.get("properties")
        if isinstance(properties, Mapping):
            yield from properties.items()


# Secrets


def paths_in(root: Schema, node: Any, depth: int = 0) -> Iterator[Path]:
    """The places of secrets, relative to `node`; () where it is one itself, ANY for any step."""
    ways = alternatives(root, node)
    if is_secret(root, node):
        yield ()
    elif depth <= limits.CONFIGURATION_DEPTH // 4:  # else a model that contains itself
        paths: dict[Path, None] = {}
        for name, child in members(root, node):
            paths.update(dict.fromkeys((name, *path) for path in paths_in(root, child, depth + 1)))
        for way in ways:
            for child in _elements(way):
                paths.update(
                    dict.fromkeys((ANY, *path) for path in paths_in(root, child, depth + 1))
                )
        yield from paths


def is_secret(root: Schema, node: Any) -> bool:
    """Returns True if the value that `node` describes is shown to nobody."""
    return any(
        way.get(SECRET) is True or way.get("writeOnly") is True
        for way in (resolved(root, node), *alternatives(root, node))
    )


def _elements(way: Schema) -> Iterator[Any]:
    for word in ("additionalProperties", "items"):
        if isinstance(way.get(word), Mapping):
            yield way[word]
    yield from way.get("prefixItems", ())


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    """This part of a schema and all those below it, but for what `$ref` points to."""
    if not isinstance(node, dict):
        return
    yield node
    for word in ("properties", "$defs"):
        for child in node.get(word, {}).values():
            yield from _nodes(child)
    for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for child in node.get(word, ()):
            yield from _nodes(child)
    for word in ("items", "additionalProperties"):
        yield from _nodes(node.get(word))


def _hide_defaults(root: Schema, node: dict[str, Any]) -> None:
    """Put MASK in place of what is secret in the default of `node`, and of what is below it."""
    if "default" in node:
        node["default"] = masked(node["default"], paths_in(root, node))
    if is_secret(root, node):
        target = root.get("$defs", {}).get(str(node.get("$ref")).removeprefix("#/$defs/"))
        for inner in (*_nodes(node), *_nodes(target)):
            if inner.get("default") is not None:
                inner["default"] = MASK


def below(root: Schema, node: Any, step: str) -> Any:
    """What `node` says of its key `step`; None where it knows no such key."""
    for way in alternatives(root, node):
        properties = way.get("properties")
        if isinstance(properties, Mapping) and step in properties:
            return properties[step]
        free = way.get("additionalProperties", "properties" not in way)
        if free is not False and way.get("type", "object") == "object":
            return free if isinstance(free, Mapping) else {}
    return None
