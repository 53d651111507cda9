# SPDX-License-Identifier: LGPL-3.0-or-later
"""A member may speak for parts of it, and for nobody else."""

import pytest

from protocol.reasons import Origin, Reason, from_json, is_part_of, part_of


def test_a_part_is_one() -> None:
    assert part_of("rank 1", "kvs") == "rank 1: kvs"
    assert is_part_of("rank 1: kvs", "rank 1")


@pytest.mark.parametrize(
    "module", ["rank 1", "rank 10: kvs", "rank 2: kvs", "kvs", "", "rank 1kvs"]
)
def test_others_are_not(module: str) -> None:
    assert not is_part_of(module, "rank 1")


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (None, "a: b.c: no"),
        (Origin("f"), "a: b.c: no (f)"),
        (Origin("f", 3), "a: b.c: no (f:3)"),
        (Origin("f", 3, 7), "a: b.c: no (f:3:7)"),
    ],
)
def test_a_line_made_of_json_is_that_of_the_reason(origin: Origin | None, line: str) -> None:
    reason = Reason("a", "no", ("b", "c"), origin)
    assert str(reason) == line
    assert from_json(reason.as_json()) == line
    assert from_json(Reason("a", "no").as_json()) == "a: no"
