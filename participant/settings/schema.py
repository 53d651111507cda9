# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a module can be told, as JSON Schema (https://json-schema.org/draft/2020-12), and the way
about in it.

The schema is made once from the author's `Config` and travels to the coordinator in Join.  Whatever
has to know the parameters of a module (modinfo, environment variables, load arguments, the report
of values in force) reads them here, so that all of them see the same.
"""

import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.fields import FieldInfo
from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonSchemaValue,
    NoDefault,
)

from participant.settings.field import SECRET
from protocol import limits
from protocol.keys import Path
from protocol.secrets import ANY, MASK, masked

Schema: TypeAlias = Mapping[str, Any]


class UnreadableField(NamedTuple):
    """A field whose type nothing in a TOML file can become."""

    model: str
    """The name of the class that it is in."""
    name: str
    type: str


class _Generator(GenerateJsonSchema):
    """Also tells the defaults that come from a `default_factory`, and what TOML cannot give."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}
        self.unreadable: list[UnreadableField] = []
        self._models: list[type[BaseModel]] = []

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

    # What TOML cannot give

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        self._models.append(schema["cls"])
        try:
            return super().model_schema(schema)
        finally:
            self._models.pop()

    def model_field_schema(self, schema: Any) -> JsonSchemaValue:
        try:
            return super().model_field_schema(schema)
        except PydanticInvalidForJsonSchema:
            model = self._models[-1]
            for name, field in model.model_fields.items():
                if (field.alias or name) == schema.get("validation_alias"):
                    self.unreadable.append(UnreadableField(model.__name__, name, _named(field)))
            return {}

    def generator_schema(self, schema: Any) -> JsonSchemaValue:
        return self.handle_invalid_for_json_schema(schema, "an iterator")

    def is_subclass_schema(self, schema: Any) -> JsonSchemaValue:
        return self.handle_invalid_for_json_schema(schema, "a class")


def _named(field: FieldInfo) -> str:
    """The type of a field as its author wrote it, more or less."""
    kind: Any = field.annotation
    plain = isinstance(kind, type) and not typing.get_args(kind)
    return kind.__name__ if plain else str(kind).replace("typing.", "")


@cache
def _described(model: type[BaseModel]) -> tuple[Schema, tuple[UnreadableField, ...]]:
    model.model_rebuild()  # where a class that it names was defined after it
    generator = _Generator(by_alias=True)
    schema: dict[str, Any] = generator.generate(model.__pydantic_core_schema__)
    for node in _nodes(schema):
        _hide_defaults(schema, node)
    return schema, tuple(dict.fromkeys(generator.unreadable))


def schema_of(model: type[BaseModel]) -> Schema:
    """The JSON Schema of what may stand in the file; made once for each model."""
    return _described(model)[0]


def unreadable_fields(model: type[BaseModel]) -> tuple[UnreadableField, ...]:
    """The fields, also of models inside, that nothing in a TOML file can be a value of.

    Raises pydantic's PydanticUserError and PydanticUndefinedAnnotation for a class that is not
    finished.
    """
    return _described(model)[1]


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


def node_at(root: Schema, path: Path) -> Any:
    """What the schema says of the value at `path`; None where it knows no such place."""
    node: Any = root
    for step in path:
        node = _element(root, node, step) if isinstance(step, int) else below(root, node, step)
        if node is None:
            return None
    return node


def _element(root: Schema, node: Any, index: int) -> Any:
    """What `node` says of the element `index` of its array."""
    for way in alternatives(root, node):
        first = way.get("prefixItems", ())
        if index < len(first):
            return first[index]
        if isinstance(way.get("items"), Mapping):
            return way["items"]
    return None
