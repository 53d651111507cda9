# SPDX-License-Identifier: LGPL-3.0-or-later
"""The name that was probably meant."""

import pytest

from protocol.nearest import did_you_mean, nearest

NAMES = ["heartbeat", "kvs", "job-exec", "job-list"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("hearbeat", "heartbeat"), ("KVS", "kvs"), ("jobexec", "job-exec"), ("zzz", None), ("", None)],
)
def test_nearest(word: str, meant: str | None) -> None:
    assert nearest(word, NAMES) == meant
    assert did_you_mean(word, NAMES) == (f"; did you mean {meant}?" if meant else "")


def test_there_may_be_no_names() -> None:
    assert did_you_mean("word", []) == ""
