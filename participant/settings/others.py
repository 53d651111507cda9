# SPDX-License-Identifier: LGPL-3.0-or-later
"""Classes that are no classes of settings, in one: pydantic's own models and dataclasses.

pydantic gives each class its own rules, so that in a strict class a lax one stays lax.  An author
who nests a plain model does not think of that.  So where one is used in settings it is read as
strictly as they are, unless it says itself that it is not to be (`strict=False`).

https://docs.pydantic.dev/latest/concepts/strict_mode/
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from pydantic_core import SchemaValidator

Node = dict[str, Any]
"""A core schema."""

READS_TOML: Final = "_reads_toml"
"""The attribute of classes of settings; their schemas are adapted when they are made."""

_NO_SCHEMAS: Final = frozenset(
    {"cls", "config", "default", "expected", "function", "members", "metadata", "serialization"}
)
"""Keys of a core schema under which there are no others."""


def schemas_in(value: Any) -> Iterator[Node]:
    """The core schemas directly below this one."""
    if isinstance(value, dict):
        for key, child in value.items():
            if key not in _NO_SCHEMAS:
                yield from _schemas(child)


def _schemas(value: Any) -> Iterator[Node]:
    if isinstance(value, dict):
        if isinstance(value.get("type"), str):
            yield value
        else:
            for child in value.values():
                yield from _schemas(child)
    elif isinstance(value, list | tuple):
        for child in value:
            yield from _schemas(child)


def is_of_others(node: Node) -> bool:
    """Whether this is a class with rules of its own, which does not say that they are lax."""
    if node.get("type") not in ("model", "dataclass"):
        return False
    known = node["cls"]
    if getattr(known, READS_TOML, False) or "__pydantic_validator__" not in vars(known):
        return False
    return bool(node.get("config", {}).get("strict", True))


def with_definitions(node: Node, resolve: Callable[[Any], Any]) -> Node | None:
    """A copy of `node` with all that it refers to, where a class of others is among it, or None.

    `resolve` finds what a definition-ref stands for; where it raises LookupError, since `node` is
    in a class that is still being made and is in it, too, there is None.
    """
    definitions: dict[str, Node] = {}
    try:
        if not _gather(node, resolve, definitions):
            return None
    except LookupError:
        return None
    whole: Node = _copied(
        {"type": "definitions", "schema": node, "definitions": list(definitions.values())}
    )
    return whole


def _gather(node: Node, resolve: Callable[[Any], Any], definitions: dict[str, Node]) -> bool:
    """Collect what `node` refers to; whether it, or that, has a class of others."""
    found = is_of_others(node)
    if node.get("type") == "definition-ref" and node["schema_ref"] not in definitions:
        definitions[node["schema_ref"]] = target = resolve(node)
        found = _gather(target, resolve, definitions)
    for inner in schemas_in(node):
        found = _gather(inner, resolve, definitions) or found
    return found


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: child if key in _NO_SCHEMAS else _copied(child) for key, child in value.items()
        }
    if type(value) in (list, tuple):
        return type(value)(map(_copied, value))
    return value


def validator_of(schema: Any, config: Any) -> SchemaValidator:
    """The validator that this schema says, and not those that its classes have already."""
    try:
        return SchemaValidator(schema, config, _use_prebuilt=False)
    except TypeError:  # a release of pydantic that never takes those
        return SchemaValidator(schema, config)
