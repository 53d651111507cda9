# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a broken constraint says: the same words, whether an author wrote a rule or pydantic's."""

import re
import typing
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from pydantic import AfterValidator, AnyUrl, SecretStr, create_model
from pydantic_core import core_schema

from participant import FSD, ByteSize, Field, Hostlist, Settings
from participant.settings.model import read_table
from participant.settings.words import complaint
from protocol.keys import format_key
from protocol.reasons import Refusal


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Cat(Settings):
    kind: Literal["cat"]
    lives: int = Field(9, ge=1)


class Dog(Settings):
    kind: Literal["dog"]
    loud: bool = True


class Pair(NamedTuple):
    low: int
    high: int


def _in_our_net(address: IPv4Address) -> IPv4Address:
    if address.packed[0] != 10:
        raise ValueError("must be in 10.0.0.0/8")
    return address


def said(kind: Any, value: Any, **constraints: Any) -> list[str]:
    """The reasons against `value` for a field of this type, as people read them."""
    fields: Any = {"x": (kind, Field(**constraints))}
    model: type[Settings] = create_model("Config", __base__=Settings, **fields)
    found = read_table(model, {"x": value}, ("t",), "m")
    assert isinstance(found, Refusal), found
    return [f"{format_key(reason.key)}: {reason.message}" for reason in found.reasons]


@pytest.mark.parametrize(
    ("kind", "constraints", "value", "words"),
    [
        (int, {"ge": 1}, 0, "must be 1 or more, not 0"),
        (int, {"gt": 0}, 0, "must be more than 0, not 0"),
        (int, {"le": 5}, 6, "must be 5 or less, not 6"),
        (float, {"lt": 1.5}, 1.5, "must be less than 1.5, not 1.5"),
        (int, {"multiple_of": 4}, 6, "must be a multiple of 4, not 6"),
        (int, {}, 8.0, "must be an integer, not a real number"),
        (int, {}, True, "must be an integer, not a boolean"),
        (str, {"min_length": 3}, "ab", "must have 3 characters or more, not 2"),
        (str, {"max_length": 1}, "ab", "must have 1 character or fewer, not 2"),
        (str, {"pattern": "^[a-z]+$"}, "A", 'must match ^[a-z]+$, not "A"'),
        (list[int], {"min_length": 2}, [1], "must have 2 elements or more, not 1"),
        (set[int], {"max_length": 1}, [1, 2], "must have 1 element or fewer, not 2"),
        (dict[str, int], {"min_length": 1}, {}, "must have 1 key or more, not 0"),
        (Literal["a", "b, c", 3], {}, "d", 'must be one of a, b, c, 3, not "d"'),
        (Literal["only"], {}, 1, "must be only, not 1"),
        (Colour, {}, "green", 'must be one of red, blue, not "green"'),
        (Colour, {}, True, "must be one of red, blue, not true"),
        (Level, {}, 3, "must be one of 1, 2, not 3"),
        (IPv4Address, {}, "10.0.0.256", 'must be an IPv4 address, not "10.0.0.256"'),
        (IPv4Address, {}, 5, "must be an IPv4 address, not 5"),
        (IPv6Address, {}, "::g", 'must be an IPv6 address, not "::g"'),
        (Annotated[IPv4Address, AfterValidator(_in_our_net)], {}, "192.0.2.1",
         "must be in 10.0.0.0/8"),
        (Path, {}, 5, "must be a path, not 5"),
        (set[int], {}, 5, "must be an array, not an integer"),
        (frozenset[str], {}, "a", "must be an array, not a string"),
        (tuple[int, str], {}, [1], "must have 2 elements, not 1"),
        (tuple[int, str], {}, [1, "a", 2], "must have 2 elements or fewer, not 3"),
        (Pair, {}, 3, "must be an array or a table, not an integer"),
        (int | str, {}, 1.5, "must be an integer or a string, not a real number"),
        (Annotated[int, Field(ge=0)] | Literal["auto"], {}, -1,
         "must be 0 or more or auto, not -1"),
        (Decimal, {}, "x", "must be a number"),
        (AnyUrl, {}, "x", 'must be a URL, not "x"'),
        (FSD, {"ge": 1}, "500ms", 'must be 1s or more, not "500ms"'),
        (ByteSize, {"ge": 4096}, "1K", 'must be 4096 or more, not "1K"'),
        (Hostlist, {"min_length": 2}, "a", "must have 2 hosts or more, not 1"),
        (SecretStr, {"min_length": 8}, "hush", "must have 8 characters or more, not 4"),
    ],
)  # fmt: skip
def test_sentences(kind: Any, constraints: dict[str, Any], value: Any, words: str) -> None:
    assert said(kind, value, **constraints) == [f"t.x: {words}"]


def test_places_inside() -> None:
    assert said(set[int], [1, "a"]) == ["t.x[1]: must be an integer, not a string"]
    assert said(tuple[int, str], [1, 2]) == ["t.x[1]: must be a string, not an integer"]
    assert said(dict[str, Level], {"a": 9}) == ["t.x.a: must be one of 1, 2, not 9"]
    assert said(list[Cat], [{"kind": "cat", "lives": 0}]) == [
        "t.x[0].lives: must be 1 or more, not 0"
    ]
    assert said(dict[int, int], {"a": 1}) == [
        't.x.a: is no key here: it must be an integer, not "a"'
    ]
    assert said(dict[Colour, int], {"green": 1}) == [
        't.x.green: is no key here: it must be one of red, blue, not "green"'
    ]
    assert said(Cat, {}) == ["t.x.kind: is required"]


def test_unions_of_tables() -> None:
    pets: Any = Annotated[Cat | Dog, Field(discriminator="kind")]
    assert said(pets, {"kind": "dog", "lives": 3}) == ["t.x.lives: unknown key"]
    assert said(pets, {"kind": "emu"}) == ['t.x.kind: must be one of cat, dog, not "emu"']
    assert said(pets, {}) == ["t.x.kind: is required"]
    assert said(pets, 5) == ["t.x: must be a table, not an integer"]


def test_a_secret_is_in_no_sentence() -> None:
    for kind, constraints in (
        (int, {"ge": 987654322}),
        (Literal[1, 2], {}),
        (Level, {}),
        (Path, {}),
        (Annotated[int, Field(ge=987654322)] | Literal["auto"], {}),
    ):
        (told,) = said(kind, 987654321, secret=True, **constraints)
        assert "987654321" not in told
        assert "must" in told


_PYTHON = re.compile(
    r"\b(input|inputs|valid|instance|dictionary|tuple|list|field|none|argument|arguments|"
    r"frozenset|deque|mapping|datetime|timedelta|python)\b", re.IGNORECASE
)  # fmt: skip
_NOT_FROM_TOML = {
    "no_such_attribute", "needs_python_object", "frozen_field", "frozen_instance", "invalid_key",
    "get_attribute_error", "iteration_error", "ellipsis_error", "is_instance_of", "is_subclass_of",
    "callable_type", "value_error", "assertion_error",
}  # fmt: skip
"""What no value of a configuration can be told: keys are text, and such fields are refused."""


@pytest.mark.parametrize("kind", sorted({*typing.get_args(core_schema.ErrorType)} - _NOT_FROM_TOML))
def test_every_error_of_pydantic_has_words(kind: str) -> None:
    told = complaint(kind, "Input should be a valid dictionary or instance of X", {}, "typed")
    assert not _PYTHON.search(str(told)), told
    without = told.without_value()
    assert without is None or "typed" not in str(without)


def test_an_error_that_is_not_known_is_turned() -> None:
    told = complaint("of_the_future", "Input should be a valid moon", {}, 1)
    assert str(told) == "must be a moon"
    assert told.without_value() is None
