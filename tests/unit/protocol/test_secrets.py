# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which paths are secret, as a description says it; what is malformed hides nothing else."""

from typing import Any

import pytest

from protocol.secrets import ANY, MASK, at, from_description, masked, scrubbed, values_at


@pytest.mark.parametrize(
    ("told", "patterns"),
    [
        ([["pump", "password"], ["users", "*"]], (("pump", "password"), ("users", "*"))),
        ([["pump"], [], "pump", [1], None, ["a", 2]], (("pump",),)),
        ([], ()),
        (None, ()),
        ({"pump": "password"}, ()),
    ],
)
def test_paths_are_taken_and_the_rest_is_passed_over(
    told: Any, patterns: tuple[tuple[str, ...], ...]
) -> None:
    assert from_description(told) == patterns


def test_a_name_is_scrubbed_like_a_value() -> None:
    shown = scrubbed({"by hunter2": 1, 70421: {"hunter2": [None]}, None: 2}, {"hunter2", "70421"})
    assert shown == {f"by {MASK}": 1, MASK: {MASK: [None]}, None: 2}


def test_what_is_masked_is_what_is_said_to_be_secret() -> None:
    told = {
        "user": "me",
        "password": "x",
        "keys": [{"of": "a", "it": 1}, {"of": "b", "it": None}],
        "whole": {"a": [1, (2, 3)], "b": None},
    }
    secret = [("password",), ("keys", ANY, "it"), ("whole",), ("nowhere", "else")]
    assert masked(told, secret) == {
        "user": "me",
        "password": MASK,
        "keys": [{"of": "a", "it": MASK}, {"of": "b", "it": None}],
        "whole": MASK,
    }
    assert list(values_at(told, secret)) == ["x", 1, 1, 2, 3]
    assert masked((1, 2), [(1,)]) == [1, MASK]
    assert masked(None, [()]) is None
    assert list(values_at(told, [])) == []


def test_below_a_secret_all_is_secret() -> None:
    assert at([("a",), ("b", ANY, "c")], ("a", "x", 3)) == ((),)
    assert at([("a",), ("b", ANY, "c")], ("b", 7)) == (("c",),)
    assert at([("a",), ("b", ANY, "c")], ("b", 7, "c")) == ((),)
    assert at([("a",)], ("z",)) == ()


def test_of_a_secret_that_holds_another_nothing_is_left() -> None:
    for secrets in (("abcd", "abcd-efgh"), ("abcd-efgh", "abcd")):
        assert scrubbed("it is abcd-efgh.", secrets) == f"it is {MASK}."
