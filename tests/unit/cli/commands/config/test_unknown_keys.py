# SPDX-License-Identifier: LGPL-3.0-or-later
"""Tables and keys that no module reads, each with the nearest name that one does."""

from typing import Any

import pytest
from pydantic import ConfigDict

from cli.commands.config.unknown_keys import warnings
from coordinator.comparison.unread import unread_in
from coordinator.files.parsing import merge
from coordinator.files.reading import read_sources
from participant.describe import describe
from participant.loader import load
from participant.module import Module
from participant.modules import BUNDLED
from participant.settings.model import LAX, Settings
from protocol import limits
from protocol.configuration import EMPTY, Configuration
from protocol.reason_code import ReasonCode
from tests.support.client_calls import ROOT


class Inner(Settings):
    model_config = LAX
    colour: str = "red"


class Open(Settings):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Inner]


class First(Module):
    table = "paint"

    class Config(Settings):
        model_config = LAX
        inner: Inner | None = None
        several: list[Inner] | None = None
        named: dict[str, Inner] | None = None
        open_ended: Open | None = None
        anything: Any = None


class Second(Module):
    tables = ("paint", "brush")

    class Config(Settings):
        model_config = LAX
        paint: dict[str, int] | None = None
        brush: Inner | None = None


CASES: list[tuple[Any, dict[str, str]]] = [
    ({"paint": {"inner": {"colour": "x"}, "anything": {"x": 1}}}, {}),
    ({"paint": {"inner": {"color": "x"}}}, {"paint.inner.color": "colour"}),
    ({"paint": {"several": [{}, {"color": "x"}]}}, {"paint.several[1].color": "colour"}),
    ({"paint": {"named": {"a": {"colur": "x"}}}}, {"paint.named.a.colur": "colour"}),
    ({"paint": {"open-ended": {"b": {"colo": "x"}}}}, {"paint.open-ended.b.colo": "colour"}),
    ({"paint": {"openended": {}}}, {"paint.openended": "open-ended"}),
    ({"pain": {}}, {"pain": "paint"}),
    ({"zzz": 1}, {"zzz": ""}),
    ({"paint": 5}, {}),
    ({"accord": {"foreign": ["pain", "zzz"]}, "pain": {"x": 1}, "zzz": 1}, {}),
    ({"accord": {"foregn": ["pain"]}}, {"accord.foregn": "foreign"}),
    ({"accord": {"foreign": 1}, "pain": {"x": 1}}, {"pain": "paint"}),
]


@pytest.mark.parametrize(("tree", "told"), CASES)
def test_what_nobody_reads_is_told_with_the_nearest_name(tree: Any, told: dict[str, str]) -> None:
    found = warnings(Configuration.of(tree), [First])
    shown = {reason.as_json()["key"]: reason.message for reason in found}
    assert set(shown) == set(told)
    for key, name in told.items():
        assert (f"did you mean {name}?" in shown[key]) == bool(name)


@pytest.mark.parametrize(("tree", "told"), CASES)
def test_a_broker_finds_the_same_by_what_modules_tell(tree: Any, told: dict[str, str]) -> None:
    found = unread_in(EMPTY, Configuration.of(tree), [("paint", describe(First))])
    shown = {reason.as_json()["key"]: reason.message for reason in found}
    assert set(shown) == set(told)
    for key in shown:
        assert (f"did you mean {told[key]}?" in shown[key]) == bool(told[key])
        assert found[0].code is ReasonCode.UNKNOWN_KEY


def test_nothing_is_said_where_somebody_does_not_tell_what_it_reads() -> None:
    typo = Configuration.of({"pain": {"x": 1}})
    paint = ("paint", describe(First))
    assert unread_in(EMPTY, typo, [paint])
    for silent in ("{}", "nonsense", "[]", '{"tables": []}'):
        assert unread_in(EMPTY, typo, [paint, ("rank", silent)]) == ()
    assert unread_in(EMPTY, typo, []) == ()


def test_only_what_a_change_sets_is_looked_at_and_not_without_end() -> None:
    before = Configuration.of({"pain": {"x": 1}, "paint": {"y": 1}})
    after = Configuration.of({"pain": {"x": 1}, "paint": {"y": 1, "z": 1}})
    paint = [("paint", describe(First))]
    assert [reason.key for reason in unread_in(before, after, paint)] == [("paint", "z")]
    assert unread_in(after, before, paint) == ()
    many = Configuration.of({"paint": {f"k{number}": 1 for number in range(5000)}})
    found = unread_in(EMPTY, many, paint)
    assert len(found) == limits.UNREAD_SHOWN + 1
    assert found[-1].code is ReasonCode.CUT


def test_a_whole_real_configuration_is_read_by_the_same_measure() -> None:
    configuration = merge(read_sources(str(ROOT / "examples" / "system-conf.d")))
    modules = [load(name) for name in BUNDLED]
    members = [(module.title(), describe(module)) for module in modules]
    of_broker = {reason.key for reason in unread_in(EMPTY, configuration, members)}
    assert of_broker == {reason.key for reason in warnings(configuration, modules)}


def test_a_key_that_another_reader_of_the_table_knows_is_known() -> None:
    tree = {"paint": {"litres": 5}, "brush": {"colors": 1}}
    assert [warning.key for warning in warnings(Configuration.of(tree), [First])] == [
        ("brush",), ("paint", "litres")]  # fmt: skip
    both = warnings(Configuration.of(tree), [First, Second])
    assert [warning.key for warning in both] == [("brush", "colors")]


def test_a_whole_real_configuration_has_no_unknown_tables() -> None:
    configuration = merge(read_sources(str(ROOT / "examples" / "system-conf.d")))
    found = warnings(configuration, [load(name) for name in BUNDLED])
    assert [warning for warning in found if len(warning.key) == 1] == []
