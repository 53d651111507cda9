# SPDX-License-Identifier: LGPL-3.0-or-later
"""Holding documents to the JSON Schemas of the package, more strictly than users need to.

A user's schema lets unknown fields pass, because fields may be added.  Here a field that no schema
names is a field that somebody forgot to write down.
"""

from typing import Any

import jsonschema

from cli.commands.config import schema


def conforms(name: str, document: Any) -> None:
    """Raises jsonschema's ValidationError where `document` is no `name`, or has more fields."""
    whole = closed(schema.of_document(name))
    jsonschema.Draft202012Validator(whole).validate(document)


def closed(node: Any) -> Any:
    """The schema, with every object that names its fields held to them."""
    if isinstance(node, list):
        return [closed(member) for member in node]
    if not isinstance(node, dict):
        return node
    inner = {word: closed(value) for word, value in node.items()}
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        inner.setdefault("additionalProperties", False)
    return inner
