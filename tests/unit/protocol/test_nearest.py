# SPDX-License-Identifier: LGPL-3.0-or-later
"""What was probably meant by a misspelt name."""

import pytest

from protocol.nearest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "near"),
    [("hartbeat", "heartbeat"), ("HEARTBEAT", "heartbeat"), ("kv", "kvs"), ("xyzzy", None)],
)
def test_the_nearest_is_named_and_nothing_that_is_far(word: str, near: str | None) -> None:
    known = ["heartbeat", "kvs", "resource"]
    assert nearest(word, known) == near
    assert did_you_mean(word, known) == (f"; did you mean {near}?" if near else "")


def test_where_nothing_is_known_nothing_is_near() -> None:
    assert nearest("kvs", []) is None
