# SPDX-License-Identifier: LGPL-3.0-or-later
"""An edit that was made to a copy, made to what runs: nobody's change is lost."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.core.rebase import Rebased
from protocol.configuration import Configuration

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from([0, 1, 1.0, True, "a", ""]),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
TREES = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


def rebased(read: Any, wanted: Any, running: Any) -> Any:
    """The result as a plain tree."""
    change = Rebased(Configuration.of(read), Configuration.of(wanted))
    return change.applied_to(Configuration.of(running)).plain()


@pytest.mark.parametrize(
    ("read", "wanted", "running", "result"),
    [
        ({}, {"a": {"k": 1}}, {"a": {"n": 2}}, {"a": {"k": 1, "n": 2}}),
        ({"a": {"k": 1}}, {"a": {}}, {"a": {"k": 1, "n": 2}}, {"a": {"n": 2}}),
        ({"a": 1}, {}, {"b": 2}, {"b": 2}),
        ({"a": 1}, {"a": 2}, {"a": 3}, {"a": 2}),
        ({"a": 1}, {"a": 1.0}, {"a": 1, "b": 0}, {"a": 1.0, "b": 0}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 3]}, {"a": [1, 2]}),
        ({"a": {"k": 1}}, {"a": 5}, {"a": {"k": 1, "n": 2}}, {"a": 5}),
        ({"a": 5}, {"a": {"k": 1}}, {"a": {"n": 2}}, {"a": {"k": 1, "n": 2}}),
    ],
)
def test_edits(read: Any, wanted: Any, running: Any, result: Any) -> None:
    assert rebased(read, wanted, running) == result


@given(TREES, TREES)
def test_nothing_happened_in_between(read: Any, wanted: Any) -> None:
    assert Configuration.of(rebased(read, wanted, read)) == Configuration.of(wanted)


@given(TREES, TREES)
def test_an_edit_that_edits_nothing(read: Any, running: Any) -> None:
    assert Configuration.of(rebased(read, read, running)) == Configuration.of(running)


@given(TREES, TREES)
def test_an_edit_that_somebody_made_already(read: Any, wanted: Any) -> None:
    assert Configuration.of(rebased(read, wanted, wanted)) == Configuration.of(wanted)


def test_an_array_that_the_edit_changed_in_one_element_is_the_edits() -> None:
    read, wanted, running = (
        Configuration.of(tree)
        for tree in ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2.0}]}, {"a": [1, {"b": 2}], "c": 3})
    )
    assert Rebased(read, wanted).applied_to(running).plain() == {"a": [1, {"b": 2.0}], "c": 3}
    assert Rebased(wanted, wanted).applied_to(running) == running, "nothing was edited"
