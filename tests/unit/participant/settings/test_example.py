# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux modinfo --toml` of models that nobody has thought of: the module accepts what it prints."""

import datetime
import json
import re
from enum import Enum, IntEnum
from ipaddress import IPv4Address, IPv4Interface, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, create_model

from coordinator.files.parsing import merge
from coordinator.files.reading import Source
from participant import FSD, ByteSize, Field, Hostlist, IdSet, Module, PathText, Settings
from participant.contract import check
from participant.describe import description
from participant.settings.example import example
from participant.settings.layers import Tables
from participant.settings.model import read_table
from participant.settings.parameters import constraints_in_words, parameters, type_in_words
from protocol.configuration import Configuration
from protocol.reasons import Refusal


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 7


class Pair(NamedTuple):
    low: int
    high: int


class Cat(Settings):
    kind: Literal["cat"]
    lives: Annotated[int, Field(ge=7)]


class Dog(Settings):
    kind: Literal["dog"]
    loud: bool = True


_PETS: Any = Annotated[Cat | Dog, Field(discriminator="kind")]
LEAVES: list[tuple[Any, dict[str, Any], list[Any]]] = [
    (int, {}, [0, -5]),
    (int, {"ge": 3, "lt": 9, "multiple_of": 4}, [4, 8]),
    (int, {"gt": -3, "le": -2}, [-2]),
    (float, {"gt": 0.5, "lt": 0.75}, [0.6]),
    (float, {}, [1.5, -0.0, 1e300]),
    (bool, {}, [True]),
    (str, {}, ["", 'q"\\\n\x7f\u2028', "# no comment"]),
    (str, {"min_length": 30, "max_length": 31}, ["x" * 30]),
    (str, {"pattern": "^[a-z]+$"}, ["abc"]),
    (Literal["a", "b"], {}, ["b"]),
    (Literal[3], {}, [3]),
    (Colour, {}, [Colour.RED, "blue"]),
    (Level, {}, [7]),
    (IPv4Address, {}, ["192.0.2.9", IPv4Address("192.0.2.9")]),
    (IPv4Interface | IPv6Network, {}, ["2001:db8::/32"]),
    (Path, {}, ["/x", Path("/x")]),
    (FSD, {"ge": 90}, ["2m"]),
    (ByteSize, {"gt": 4096}, ["1M"]),
    (Hostlist, {}, ["n[1-3]"]),
    (IdSet, {}, ["1-3"]),
    (PathText, {}, ["/x"]),
    (SecretStr, {}, ["hush hush"]),
    (str, {"secret": True}, ["hush hush"]),
    (datetime.datetime, {}, ["2026-01-31T12:00:00Z", datetime.datetime(2026, 1, 31)]),
    (datetime.timedelta, {}, ["PT5S", datetime.timedelta(days=1)]),
    (Pair, {}, [(1, 2), {"low": 1, "high": 2}]),
    (tuple[int, str], {}, [(1, "a")]),
    (Any, {}, [1, ["a"]]),
    (_PETS, {}, [{"kind": "dog"}, Dog(kind="dog", loud=False)]),
]  # fmt: skip
_MIXED = '"prefixItems": [{"type": "integer"}, {"type": "string"}]'
_KEYS = ["plain", "with_bar", "UPPER", "f9"]


_SHAPES = ["leaf", "leaf", "list", "set", "dict", "maybe", "model", "models"]


@st.composite
def fields(draw: st.DrawFn, depth: int = 2) -> tuple[Any, Any]:
    """A type and its Field."""
    shape = draw(st.sampled_from(_SHAPES))
    words: dict[str, Any] = {
        "description": draw(st.sampled_from(["", "what it is\x1b[31m", "two\nlines"])),
        "restart": draw(st.booleans()),
    }
    kind: Any
    made: Any
    kind, constraints, defaults = draw(st.sampled_from(LEAVES))
    default = draw(st.sampled_from([*defaults, ...]))
    least = draw(st.sampled_from([0, 1, 2]))
    many: dict[str, Any] = {"min_length": least, **words}
    if shape == "leaf":
        return kind, Field(default, **constraints, **words)
    if shape == "maybe":
        return Annotated[kind, Field(**constraints)] | None, Field(None, **words)
    if shape in ("model", "models") and depth:
        inner: Any = draw(models(depth - 1))
        return (
            (inner, Field(..., **words)) if shape == "model" else (list[inner], Field(..., **many))
        )
    if shape == "dict":
        of: Any = draw(st.sampled_from([str, int, Colour]))
        return dict[of, kind], Field(..., **many)
    hashable = shape == "set" and kind not in (_PETS, Any)
    made = frozenset[kind] if hashable else list[kind]
    if default is ...:
        return made, Field(..., **{**many, "min_length": min(least, 1)})
    return made, Field([default], **words)


@st.composite
def models(draw: st.DrawFn, depth: int = 2) -> type[Settings]:
    """A class of settings."""
    names = draw(st.lists(st.sampled_from(_KEYS), unique=True, min_size=1))
    declared: Any = {name: draw(fields(depth)) for name in names}
    made: type[Settings] = create_model("Config", __base__=Module.Config, **declared)
    return made


def module_of(config: Any) -> type[Module]:
    return type("Pump", (Module,), {"table": "pump", "Config": config, "__doc__": "Pumps."})


@settings(max_examples=50)
@given(models())
def test_the_example_is_accepted(config: type[Settings]) -> None:
    module = module_of(config)
    check(module)
    told = description(module)
    text = example(told["schema"], Tables(("pump",), single=True), told["purpose"])
    tree = merge([Source("a.toml", text.encode(), "toml")])
    found = read_table(config, tree.plain().get("pump", {}), ("pump",), "pump")
    if isinstance(found, Refusal):  # an array of different types can have no place in Flux's TOML
        assert _MIXED in json.dumps(told["schema"]), (text, found.reasons)
        for reason in found.reasons:
            assert reason.message == "is required"
            assert f"# {reason.key[-1]} =" in text
    for parameter in parameters(told["schema"], Tables(("pump",), single=True), elements=True):
        assert type_in_words(told["schema"], parameter.node)
        constraints_in_words(told["schema"], parameter.node)


SCALARS = st.one_of(st.integers(-9, 9), st.floats(-2, 2), st.booleans(), st.text(max_size=3))
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(
        ["plain", "with-bar", "UPPER", "f9", "kind", "1", "red"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
_PYTHON = re.compile(r"[Ii]nput should|\bvalid\b|dictionary|\binstance\b|pydantic")


@settings(max_examples=50)
@given(models(), st.dictionaries(st.sampled_from(["plain", "with-bar", "UPPER", "f9"]), VALUES))
def test_whatever_is_there_is_answered_in_words(config: type[Settings], value: Any) -> None:
    found = read_table(config, Configuration.of(value).plain(), ("pump",), "pump")
    if isinstance(found, Refusal):
        for reason in found.reasons:
            assert not _PYTHON.search(reason.message), reason
        keys = [reason.key for reason in found.reasons]
        assert len(keys) == len(set(keys)), "one reason for each key"


def test_all_leaves_alone() -> None:
    """Each kind as a required setting: hypothesis need not find them all."""
    for kind, constraints, _ in LEAVES:
        declared: Any = {"x": (kind, Field(..., **constraints))}
        config = create_model("Config", __base__=Module.Config, **declared)
        told = description(module_of(config))
        text = example(told["schema"], Tables(("pump",), single=True), "")
        tree = merge([Source("a.toml", text.encode(), "toml")]).plain()
        found = read_table(config, tree["pump"], (), "m")
        mixed = kind == tuple[int, str]
        assert isinstance(found, Refusal) == mixed, (kind, text, found)
