# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which settings are secret: `Field(secret=True)`, and pydantic's SecretStr and SecretBytes.

A table that is secret is so with all that is in it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from participant.settings.schema import paths_in, schema_of
from protocol.secrets import Patterns, values_at

SHORTEST = 4
"""Characters from which a secret is also cut out of free text; shorter ones would shred it."""


@cache
def secret_paths(model: type[BaseModel]) -> Patterns:
    """The places in `model` of what is secret."""
    schema = schema_of(model)
    return tuple(paths_in(schema, schema))


def texts_of(value: Any, patterns: Patterns) -> frozenset[str]:
    """The secrets in `value`, as they would stand in a sentence; those that are long enough."""
    texts = (str(secret) for secret in values_at(value, patterns) if not isinstance(secret, bool))
    return frozenset(text for text in texts if len(text) >= SHORTEST)


def uncovered(value: Any) -> Any:
    """What a validated model holds, defaults too, as dicts and lists with the secrets in clear."""
    match value:
        case BaseModel():
            fields = type(value).model_fields.items()
            named = {field.alias or name: uncovered(getattr(value, name)) for name, field in fields}
            return {**named, **uncovered(value.model_extra or {})}
        case Mapping():
            return {key: uncovered(child) for key, child in value.items()}
        case list() | tuple() | set() | frozenset():
            return [uncovered(child) for child in value]
        case SecretStr():
            return value.get_secret_value()
        case SecretBytes():
            return value.get_secret_value().decode(errors="replace")
    return value
