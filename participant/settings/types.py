# SPDX-License-Identifier: LGPL-3.0-or-later
"""Types of settings that TOML has no word for; for `Config` classes.

Each takes what stands in the file, gives the value that a module wants, and refuses with a sentence
that needs no knowledge of Python.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from protocol.formats.byte_size import parse_byte_size
from protocol.formats.fsd import parse_fsd
from protocol.formats.hostlist import Hosts
from protocol.formats.idset import Ids
from protocol.formats.quoted import quoted

Parsed = TypeVar("Parsed")
Number = TypeVar("Number", int, float)


def _from_text(parse: Callable[[str], Parsed], example: str) -> Callable[[Any], Parsed]:
    def read(value: Any) -> Parsed:
        if not isinstance(value, str):
            raise ValueError(f"must be a string, such as {quoted(example)}")
        return parse(value)

    return read


_BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
"""An author's constraints on the number that is read, in pydantic's words and in JSON Schema's."""


@dataclass(frozen=True, slots=True)
class TextFormat:
    """For Annotated: a string of this format, and the bounds of the number that it stands for."""

    form: str

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, _: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        read: Mapping[str, Any] = core
        while "schema" in read:
            read = read["schema"]
        bounds = {word: read[rule] for rule, word in _BOUNDS.items() if rule in read}
        return {"type": "string", "format": self.form, **bounds}


FSD: TypeAlias = Annotated[
    float,
    BeforeValidator(_from_text(parse_fsd, "2s"), json_schema_input_type=str),
    TextFormat("fsd"),
]
"""Seconds, 0 or more, math.inf for "infinity"; written as Flux Standard Duration (RFC 23).

A bare number is refused: 30 does not say of what.
"""

Hostlist: TypeAlias = Annotated[
    Hosts,
    BeforeValidator(_from_text(Hosts.parse, "node[0-3]"), json_schema_input_type=str),
    TextFormat("hostlist"),
]
"""Host names; written `node[0-3],login` (RFC 29)."""

IdSet: TypeAlias = Annotated[
    Ids,
    BeforeValidator(_from_text(Ids.parse, "0-3"), json_schema_input_type=str),
    TextFormat("idset"),
]
"""Cores, gpus or ranks; written `0-3,7` (RFC 22)."""

ByteSize: TypeAlias = Annotated[
    int,
    BeforeValidator(_from_text(parse_byte_size, "10M"), json_schema_input_type=str),
    TextFormat("bytes"),
]
"""Bytes; written `10M`."""

PathText: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "format": "path"})]
"""A path as it was written; nothing is looked up."""


def _signed_32_bits(value: Any) -> Any:
    if type(value) is not int:  # bool is an int to Python, not to TOML
        return value
    return (value + 2**31) % 2**32 - 2**31


Int32: TypeAlias = Annotated[int, BeforeValidator(_signed_32_bits, json_schema_input_type=int)]
"""A TOML integer cut to 32 bits, as Flux's C cuts it: 4294967295 is -1."""


@dataclass(frozen=True, slots=True)
class Rule(AfterValidator):
    """A check for Annotated that can also be read in the JSON Schema, as `words`."""

    words: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(core), **self.words}


def at_least(lowest: int) -> AfterValidator:
    """For Annotated: the number must be `lowest` or more."""

    def check(number: Number) -> Number:
        if number < lowest:
            raise ValueError(f"must be {lowest} or more, not {number}")
        return number

    return Rule(check, {"minimum": lowest})


def at_most(highest: int) -> AfterValidator:
    """For Annotated: the number must be `highest` or less."""

    def check(number: Number) -> Number:
        if number > highest:
            raise ValueError(f"must be {highest} or less, not {number}")
        return number

    return Rule(check, {"maximum": highest})


def _more_than_zero(number: Number) -> Number:
    if number <= 0:
        raise ValueError("must be more than 0")
    return number


MORE_THAN_ZERO = Rule(_more_than_zero, {"exclusiveMinimum": 0})
"""For Annotated: the number must be more than 0."""


def without(characters: str) -> AfterValidator:
    """For Annotated: none of `characters` may occur in the string."""

    def check(text: str) -> str:
        bad = next((character for character in text if character in characters), None)
        if bad is not None:
            raise ValueError(f"{quoted(text)} must not contain {_NAMES.get(bad, bad)}")
        return text

    return AfterValidator(check)


_NAMES = {" ": "a blank", "\t": "a tab"}


def one_of(*allowed: str) -> AfterValidator:
    """For Annotated: the string must be one of `allowed`, exactly."""

    def check(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return text

    return Rule(check, {"enum": list(allowed)})
