# SPDX-License-Identifier: LGPL-3.0-or-later
"""The type of a setting that holds a duration.

In TOML a duration is a string ("2s", "1.5m"), never a number: a bare 30 does not say of what.
Modules see seconds.
"""

from typing import Annotated, Any, TypeAlias

from pydantic import BeforeValidator, WithJsonSchema

from protocol.formats.fsd import parse_fsd


def _seconds(value: Any) -> float:
    if not isinstance(value, str):
        raise ValueError('must be a string, such as "2s"')
    return parse_fsd(value)


FSD: TypeAlias = Annotated[
    float,
    BeforeValidator(_seconds, json_schema_input_type=str),
    WithJsonSchema({"type": "string", "format": "fsd"}),
]
"""Seconds, 0 or more, math.inf for "infinity"; written as Flux Standard Duration."""
