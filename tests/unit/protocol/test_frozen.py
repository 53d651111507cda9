# SPDX-License-Identifier: LGPL-3.0-or-later
"""What authors are shown of a configuration can be read, and not written."""

from typing import Any

import pytest

from protocol.configuration import Configuration
from protocol.frozen import FrozenTable, LazyTable, freeze, thaw

TREE = {"a": {"b": [1, {"c": 2}], "d": "x"}, "e": {}}


@pytest.fixture(params=[LazyTable, FrozenTable])
def table(request: pytest.FixtureRequest) -> Any:
    """The whole tree, decoded when it is looked at, or at once."""
    if request.param is LazyTable:
        return LazyTable(Configuration.of(TREE).encoded)
    return freeze(TREE)


def test_it_is_a_mapping(table: Any) -> None:
    assert (len(table), list(table), "a" in table, "z" in table) == (2, ["a", "e"], True, False)
    assert table["a"]["b"][1]["c"] == 2
    assert len(table["a"]) == 2
    with pytest.raises(KeyError):
        table["z"]


def test_it_says_what_it_is(table: Any) -> None:
    assert repr(table).startswith(f"{type(table).__name__}(")


def test_nothing_in_it_can_be_written(table: Any) -> None:
    for place in (table, table["a"], table["a"]["b"], table["a"]["b"][1]):
        with pytest.raises(TypeError):
            place[0] = 1


def test_a_copy_is_the_callers_own(table: Any) -> None:
    copy = thaw(table)
    assert copy == TREE
    copy["a"]["b"].append(3)
    assert len(table["a"]["b"]) == 2
