# SPDX-License-Identifier: LGPL-3.0-or-later
"""Plain pydantic classes in a module's settings: as strict as these, and unchanged elsewhere."""

import dataclasses
import datetime
from enum import Enum
from ipaddress import IPv4Address
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import pydantic
import pytest
from pydantic import BaseModel, ConfigDict, RootModel, create_model, field_validator

from participant import Field, Settings
from participant.module import Module
from participant.settings.model import read_table
from protocol.reasons import Refusal

Kind = TypeVar("Kind")


class Colour(Enum):
    RED = "red"


class Plain(BaseModel):
    size: int = 1
    address: IPv4Address | None = None
    day: datetime.date | None = None
    colours: set[Colour] = set()
    below: "Plain | None" = None


class WithValidator(BaseModel):
    size: int = 1

    @field_validator("size")
    @classmethod
    def _even(cls, size: int) -> int:
        if size % 2:
            raise ValueError("must be even")
        return size


class Holder(BaseModel):
    plain: Plain = Plain()


class Box(BaseModel, Generic[Kind]):
    of: Kind


@pydantic.dataclasses.dataclass
class Record:
    size: int = 1


@dataclasses.dataclass
class Pair:
    plain: Plain


class Point(NamedTuple):
    plain: Plain


class Inner(Settings):
    plain: Plain


class Dog(BaseModel):
    kind: Literal["dog"]
    size: int = 1


class Cat(BaseModel):
    kind: Literal["cat"]
    size: int = 1


class Lax(BaseModel):
    model_config = ConfigDict(strict=False)
    size: int = 1


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    colours: set[Colour] = set()


def read(kind: Any, value: Any) -> Any:
    """What a setting of this kind makes of a value from TOML; or the reasons, as text."""
    declared: Any = {"x": (kind, Field(...))}
    config = create_model("Config", __base__=Module.Config, **declared)
    found: Any = read_table(config, {"x": value}, ("pump",), "pump")
    return [str(reason) for reason in found.reasons] if isinstance(found, Refusal) else found.x


NESTED: list[tuple[Any, str, Any]] = [
    (Plain, "", None),
    (Plain | None, "", None),
    (list[Plain], "[0]", [None]),
    (dict[str, Plain], ".a", {"a": None}),
    (Plain, ".below", {"below": None}),
    (Holder, ".plain", {"plain": None}),
    (Box[Plain], ".of", {"of": None}),
    (Box[list[Plain]], ".of[0]", {"of": [None]}),
    (Pair, ".plain", {"plain": None}),
    (Point, "[0]", [None]),
    (tuple[Plain, ...], "[0]", [None]),
    (Inner, ".plain", {"plain": None}),
    (RootModel[list[Plain]], "[0]", [None]),
    (Record, "", None),
    (WithValidator, "", None),
]


def filled(shape: Any, table: Any) -> Any:
    """`shape` with the table in the place of None."""
    if isinstance(shape, dict):
        return {key: filled(inner, table) for key, inner in shape.items()}
    return [filled(inner, table) for inner in shape] if isinstance(shape, list) else table


@pytest.mark.parametrize(("kind", "place", "shape"), NESTED)
@pytest.mark.parametrize(
    ("value", "got"), [("5", "a string"), (5.0, "a real number"), (True, "a boolean")]
)
def test_types_are_taken_literally_however_deep(
    kind: Any, place: str, shape: Any, value: object, got: str
) -> None:
    told = read(kind, filled(shape, {"size": value}))
    assert told == [f"pump: pump.x{place}.size: must be an integer, not {got}"]
    assert "must be" not in str(read(kind, filled(shape, {"size": 6})))


def test_what_toml_has_no_word_for_is_read_in_the_one_natural_way() -> None:
    text = {"address": "192.0.2.1", "day": "2026-01-31", "colours": ["red"]}
    read_plain = Plain(
        address=IPv4Address("192.0.2.1"), day=datetime.date(2026, 1, 31), colours={Colour.RED}
    )
    assert read(Plain, text) == read_plain
    assert type(read(Plain, text)) is Plain
    assert read(Plain, {"address": 7, "day": 5, "colours": ["blue"]}) == [
        "pump: pump.x.address: must be an IPv4 address, not 7",
        'pump: pump.x.day: must be a date, such as "2026-01-31", not 5',
        'pump: pump.x.colours[0]: must be red, not "blue"',
    ]
    assert read(Strict, {"colours": ["red"]}) == Strict(colours={Colour.RED})


def test_validators_run_as_ever() -> None:
    assert read(WithValidator, {"size": 3}) == ["pump: pump.x.size: must be even"]
    assert read(WithValidator, {"size": 4}) == WithValidator(size=4)


def test_branches_of_unions() -> None:
    for kind in (Dog | Cat, Annotated[Dog | Cat, Field(discriminator="kind")]):
        assert read(kind, {"kind": "cat", "size": 2}) == Cat(kind="cat", size=2)
        assert "must be an integer, not a string" in str(read(kind, {"kind": "cat", "size": "2"}))
    assert read(Plain | WithValidator, {"size": "2"}) == [
        "pump: pump.x.size: must be an integer, not a string"
    ]
    assert read(Dog | int, 3) == 3


def test_who_says_that_it_is_lax_stays_so() -> None:
    assert read(Lax, {"size": "5"}) == Lax(size=5)


def test_to_others_a_class_is_as_its_author_made_it() -> None:
    assert read(Plain, {"size": 2}) == Plain(size=2)
    assert Plain.model_validate({"size": "5"}).size == 5
    assert Holder.model_validate({"plain": {"size": "5"}}).plain.size == 5
    after = create_model("After", plain=(Plain, ...))
    assert after.model_validate({"plain": {"size": "5"}}).model_dump()["plain"]["size"] == 5


def test_a_default_in_pythons_own_types() -> None:
    config = create_model(
        "Config", __base__=Module.Config, x=(Plain, Plain(size=3)), y=(list[Plain], [Plain()])
    )
    found: Any = read_table(config, {}, ("pump",), "pump")
    assert (found.x, found.y) == (Plain(size=3), [Plain()])


class Tree(Settings):
    plain: Plain | None = None
    trees: list["Tree"] = Field(default_factory=list)


def test_a_class_of_settings_in_itself() -> None:
    found = read(Tree, {"trees": [{"plain": {"size": "5"}, "trees": [{"plain": {"size": "6"}}]}]})
    assert found == [
        "pump: pump.x.trees[0].plain.size: must be an integer, not a string",
        "pump: pump.x.trees[0].trees[0].plain.size: must be an integer, not a string",
    ]
