# SPDX-License-Identifier: LGPL-3.0-or-later
"""What authors are shown of a configuration can be read, and not written."""

from collections.abc import Callable
from typing import Any

import pytest

from protocol.configuration import Configuration
from protocol.frozen import FrozenTable, LaidOver, LazyTable, WatchedTable, freeze, thaw

TREE = {"a": {"b": [1, {"c": 2}], "d": "x"}, "e": {}}


@pytest.fixture(params=[LazyTable, FrozenTable, LaidOver])
def table(request: pytest.FixtureRequest) -> Any:
    """The whole tree, decoded when it is looked at, or at once."""
    if request.param is LazyTable:
        return LazyTable(Configuration.of(TREE).encoded)
    if request.param is LaidOver:
        return LaidOver(LazyTable(Configuration.of({"a": 1}).encoded), TREE)
    return freeze(TREE)


def test_it_is_a_mapping(table: Any) -> None:
    assert (len(table), list(table), "a" in table, "z" in table) == (2, ["a", "e"], True, False)
    assert table["a"]["b"][1]["c"] == 2
    assert len(table["a"]) == 2
    with pytest.raises(KeyError):
        table["z"]


def test_it_says_what_it_is(table: Any) -> None:
    assert repr(table).startswith(f"{type(table).__name__}(")


def test_what_is_laid_over_counts_and_the_rest_is_not_looked_at() -> None:
    encoded = Configuration.of({"a": 1, "b": {"c": "spoilt"}, "d": 4}).encoded
    below = LazyTable(encoded.replace(b"\xa6spoilt", b"\xa6\xff\xff\xff\xff\xff\xff"))
    table: Any = LaidOver(below, {"a": {"x": [1]}, "e": 5})
    assert (list(table), len(table)) == (["a", "b", "d", "e"], 4)
    assert ("a" in table, "d" in table, "e" in table, "z" in table) == (True, True, True, False)
    assert (table["a"]["x"], table["d"], table["e"]) == ((1,), 4, 5)
    with pytest.raises(UnicodeDecodeError):
        table["b"]


def test_nothing_in_it_can_be_written(table: Any) -> None:
    for place in (table, table["a"], table["a"]["b"], table["a"]["b"][1]):
        with pytest.raises(TypeError):
            place[0] = 1


def test_a_copy_is_the_callers_own(table: Any) -> None:
    copy = thaw(table)
    assert copy == TREE
    copy["a"]["b"].append(3)
    assert len(table["a"]["b"]) == 2


def test_what_a_reader_has_looked_at_is_known() -> None:
    """By whatever way it has looked: each method that reads says so."""
    configuration = Configuration.of({"a": {"n": 1}, "b": 2, "c": {}})
    ways: dict[str, Callable[[WatchedTable], object]] = {
        "encoding": lambda table: table.encoding("a"),
        "encodings": lambda table: table.encodings(["a"]),
        "__getitem__": lambda table: table["a"],
        "__contains__": lambda table: "a" in table,
        "get": lambda table: table.get("a"),
    }
    for look in ways.values():
        copy, table = configuration.watched()
        assert copy.tree is table
        assert table.seen == frozenset()
        look(table)
        assert table.seen == {"a"}
        assert table.get("nosuch") is None
        assert table.seen == {"a", "nosuch"}
    for look_at_all in (len, list, dict):
        _, table = configuration.watched()
        assert look_at_all(table)
        assert table.seen is None
    reading = {name for name, value in vars(LazyTable).items() if callable(value)}
    assert reading - {"__init__", "__repr__", "__iter__", "__len__"} <= ways.keys()
