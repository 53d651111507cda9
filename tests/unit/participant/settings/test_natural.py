# SPDX-License-Identifier: LGPL-3.0-or-later
"""Types that TOML has no word for: read from what it has, or refused when the module is loaded."""

import datetime
import decimal
import fractions
import re
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest
from pydantic import AnyUrl, SecretStr, create_model, model_validator

from coordinator.files.parsing import merge
from coordinator.files.reading import Source
from participant import Field, Module, Settings
from participant.contract import NotAModule, check
from participant.loader import Unloadable, load
from participant.settings.model import read_table
from participant.testing import Trial
from protocol.reasons import Refusal


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1


class Word(StrEnum):
    YES = "yes"


class Pair(NamedTuple):
    low: int
    high: int = 9


@dataclass
class Point:
    x: int


class Item(Settings):
    size_in_mm: int


UTC = datetime.UTC
NATURAL: list[tuple[Any, str, Any]] = [
    (Colour, '"red"', Colour.RED),
    (Level, "1", Level.LOW),
    (Word, '"yes"', Word.YES),
    (Literal["a", 1], "1", 1),
    (Literal[Colour.RED], '"red"', Colour.RED),
    (IPv4Address, '"192.0.2.1"', IPv4Address("192.0.2.1")),
    (IPv6Address, '"::1"', IPv6Address("::1")),
    (IPv4Network, '"192.0.2.0/24"', IPv4Network("192.0.2.0/24")),
    (Path, '"/etc/x"', Path("/etc/x")),
    (set[int], "[1, 2, 1]", {1, 2}),
    (frozenset[str], '["a"]', frozenset("a")),
    (tuple[str, str], '["b", "a"]', ("b", "a")),
    (tuple[int, ...], "[1, 2]", (1, 2)),
    (deque[int], "[1]", deque([1])),
    (Sequence[int], "[1]", [1]),
    (Mapping[str, int], "{a = 1}", {"a": 1}),
    (dict[int, str], '{1 = "a"}', {1: "a"}),
    (dict[Colour, int], "{red = 1}", {Colour.RED: 1}),
    (OrderedDict[str, int], "{a = 1}", OrderedDict(a=1)),
    (Pair, "[1, 2]", Pair(1, 2)),
    (Pair, "{low = 1}", Pair(1)),
    (Point, "{x = 1}", Point(1)),
    (Item, "{size-in-mm = 1}", Item(size_in_mm=1)),
    (list[Item], "[{size-in-mm = 1}]", [Item(size_in_mm=1)]),
    (dict[str, set[Level]], "{a = [1]}", {"a": {Level.LOW}}),
    (int | Colour, '"red"', Colour.RED),
    (Colour | None, '"red"', Colour.RED),
    (datetime.datetime, "2026-01-31T12:00:00Z", datetime.datetime(2026, 1, 31, 12, tzinfo=UTC)),
    (datetime.datetime, '"2026-01-31T12:00:00Z"', datetime.datetime(2026, 1, 31, 12, tzinfo=UTC)),
    (datetime.date, '"2026-01-31"', datetime.date(2026, 1, 31)),
    (datetime.time, '"12:00:00"', datetime.time(12)),
    (datetime.timedelta, '"PT5S"', datetime.timedelta(seconds=5)),
    (decimal.Decimal, '"1.5"', decimal.Decimal("1.5")),
    (decimal.Decimal, "1.5", decimal.Decimal("1.5")),
    (fractions.Fraction, '"1/2"', fractions.Fraction(1, 2)),
    (uuid.UUID, '"12345678-1234-4234-8234-123456789abc"',
     uuid.UUID("12345678-1234-4234-8234-123456789abc")),
    (bytes, '"ab"', b"ab"),
    (re.Pattern[str], '"a+"', re.compile("a+")),
    (AnyUrl, '"https://example.org/"', AnyUrl("https://example.org/")),
    (SecretStr, '"hush"', SecretStr("hush")),
]  # fmt: skip


def model_of(kind: Any, default: Any = ...) -> type[Settings]:
    fields: Any = {"x": (kind, default)}
    made: type[Settings] = create_model("Config", __base__=Settings, **fields)
    return made


@pytest.mark.parametrize(("kind", "text", "value"), NATURAL)
def test_read_from_a_file(kind: Any, text: str, value: Any) -> None:
    table = merge([Source("a.toml", f"x = {text}".encode(), "toml")]).plain()
    found: Any = read_table(model_of(kind), table, (), "m")
    assert not isinstance(found, Refusal), found.reasons
    assert found.x == value
    assert type(found.x) is type(value)
    as_written: Any = read_table(model_of(kind, table["x"]), {}, (), "m")
    assert as_written.x == value, "a default is written as in TOML"
    in_python: Any = read_table(model_of(kind, value), {}, (), "m")
    assert in_python.x == value, "or in Python's own types"


class WithEnum(Settings):
    level: Level
    pair: tuple[int, int] = (1, 2)

    @model_validator(mode="before")
    @classmethod
    def look(cls, value: Any) -> Any:
        return {"level": 1, **value}


def test_a_validator_before_makes_no_difference() -> None:
    found: Any = read_table(model_of(list[WithEnum]), {"x": [{"pair": [3, 4]}]}, (), "m")
    assert (found.x[0].level, found.x[0].pair) == (Level.LOW, (3, 4))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (Level, True), (Level, "1"), (Level, 1.0), (Colour, ["red"]), (IPv4Address, 5),
        (Path, 5), (set[int], {"a": 1}), (set[int], ["1"]), (tuple[int, int], "12"),
        (datetime.datetime, 5), (datetime.date, "x"), (dict[int, int], {"a": 1}),
        (uuid.UUID, 7), (bytes, 7), (Point, [1]), (list[Level], [1, 2]),
    ],
)  # fmt: skip
def test_nothing_else_is(kind: Any, value: Any) -> None:
    found = read_table(model_of(kind), {"x": value}, (), "m")
    assert isinstance(found, Refusal)
    assert len(found.reasons) == 1, found.reasons


class Odd:
    """A class that nothing in a file can become."""


@pytest.mark.parametrize(
    "kind", [Callable[[], int], type[int], Iterable[int], bytearray, range, Collection[int], Odd]
)
def test_refused_when_it_is_loaded(kind: Any) -> None:
    class Pump(Module):
        table = "pump"
        Config = create_model("Config", __base__=Module.Config, odd_one=(kind | None, None))

    with pytest.raises(NotAModule, match=r"Config\.odd_one has the type .*TOML"):
        check(Pump)


def test_refused_with_the_place_and_the_inner_name(tmp_path: Path) -> None:
    file = tmp_path / "pump.py"
    file.write_text(
        "from participant import Module, Settings\n"
        "class Valve(Settings):\n"
        "    size: int = 1\n"
        "    turns: range = range(3)\n"
        "class Pump(Module):\n"
        "    table = 'pump'\n"
        "    class Config(Module.Config):\n"
        "        valves: list[Valve] = []\n"
    )
    with pytest.raises(Unloadable, match=rf"{file}:7: Valve.turns has the type range"):
        load(str(file))


def test_a_class_that_is_not_finished(tmp_path: Path) -> None:
    file = tmp_path / "pump.py"
    file.write_text(
        "from participant import Module\n"
        "class Pump(Module):\n"
        "    table = 'pump'\n"
        "    class Config(Module.Config):\n"
        "        valve: 'Valve'\n"
    )
    with pytest.raises(Unloadable, match="name 'Valve' is not defined"):
        load(str(file))


def test_a_class_that_pydantic_does_not_take(tmp_path: Path) -> None:
    file = tmp_path / "pump.py"
    file.write_text(
        "from participant import Module\n"
        "class Pump(Module):\n"
        "    table = 'pump'\n"
        "    class Config(Module.Config):\n"
        "        pace = 1\n"
    )
    with pytest.raises(Unloadable, match=rf"^{file}:4: importing it raised Pydantic") as caught:
        load(str(file))
    assert "http" not in str(caught.value)


class Tank(Module):
    """All of it in a module."""

    table = "tank"

    class Config(Module.Config):
        colour: Colour = Field("blue", description="paint")
        hosts: set[IPv4Address] = Field(["192.0.2.1"], description="who")
        level: Level = Field(Level.LOW, restart=True)


def test_in_a_module() -> None:
    trial = Trial(Tank, "[tank]\nhosts = ['192.0.2.7']", arguments=["colour=red"])
    assert trial.config.colour is Colour.RED
    assert trial.config.hosts == {IPv4Address("192.0.2.7")}
    assert trial.config.level is Level.LOW
    assert '"colour":{"value":"red","origin":"load argument"}' in trial.module.report()
