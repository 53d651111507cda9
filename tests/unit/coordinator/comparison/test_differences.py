# SPDX-License-Identifier: LGPL-3.0-or-later
"""What differs between two configurations, and that it is all that differs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.comparison.differences import ABSENT, Difference, differences
from protocol.configuration import Configuration
from protocol.keys import format_key

A, B, C, D = ({"name": name, "cores": 4} for name in "abcd")


def shown(old: Any, new: Any) -> dict[str, Any]:
    found = differences(Configuration.of({"x": old}), Configuration.of({"x": new}))
    return {
        format_key(change.key): tuple(None if side is ABSENT else side for side in change[1:])
        for change in found
    }


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ([A, B], [A, {**B, "cores": 8}], {"x[1].cores": (4, 8)}),
        ([A, B, C], [A, C], {"x[1]": (B, None)}),
        ([A, C], [A, B, C], {"x[1]": (None, B)}),
        ([B, C], [A, B, C], {"x[0]": (None, A)}),
        ([A, B, C, D], [A, {**B, "cores": 8}, D], {"x[1].cores": (4, 8), "x[2]": (C, None)}),
        ([A, A], [A], {"x[1]": (A, None)}),
        ([A], [], {"x": ([A], [])}),
        ([1, 2, 3], [1, 3], {"x": ([1, 2, 3], [1, 3])}),
        ([A], 1, {"x": ([A], 1)}),
        ({"deep": [A, {"in": [B]}]}, {"deep": [A, {"in": [C]}]},
         {"x.deep[1].in[0].name": ("b", "c")}),
        (1, 1.0, {"x": (1, 1.0)}),
    ],
)  # fmt: skip
def test_arrays_of_tables_are_compared_by_element(
    old: Any, new: Any, told: dict[str, tuple[Any, Any]]
) -> None:
    assert shown(old, new) == told


tables = st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), max_size=2)
scalars = st.integers(0, 2) | st.booleans() | st.sampled_from(["", "x"]) | st.floats(0, 1)
values = st.recursive(
    scalars | st.lists(scalars, max_size=2) | st.lists(tables, max_size=4),
    lambda inner: (
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
        | st.lists(st.dictionaries(st.sampled_from("ab"), inner, max_size=2), max_size=3)
    ),
    max_leaves=12,
)
trees = st.dictionaries(st.sampled_from("xyz"), values, max_size=3)


@given(trees, trees)
def test_who_makes_the_changes_that_are_told_gets_there(old: Any, new: Any) -> None:
    found = list(differences(Configuration.of(old), Configuration.of(new)))
    assert len({change.key for change in found}) == len(found), "a key is told once"
    made = Configuration.of(old).plain()
    for change in reversed(found):  # the last elements first: what is taken out moves those behind
        if change.new is ABSENT:
            make(made, change)
    for change in found:
        if change.new is not ABSENT:
            make(made, change)
    second = Configuration.of(new)
    assert Configuration.of(pruned(made)) == Configuration.of(pruned(second.plain()))
    assert (not found) == (Configuration.of(old) == second)


def make(tree: Any, change: Difference) -> None:
    way, last = change.key[:-1], change.key[-1]
    for step in way:
        tree = tree.setdefault(step, {}) if isinstance(tree, dict) else tree[step]
    if change.new is ABSENT:
        del tree[last]
    elif isinstance(last, int) and change.old is ABSENT:
        tree.insert(last, change.new)
    else:
        tree[last] = change.new


def pruned(value: Any) -> Any:
    """Without empty tables, which have no key that could differ."""
    if isinstance(value, dict):
        inner = {key: pruned(member) for key, member in value.items()}
        return {key: member for key, member in inner.items() if member != {}}
    return [pruned(member) for member in value] if isinstance(value, list) else value
