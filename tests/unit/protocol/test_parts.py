# SPDX-License-Identifier: LGPL-3.0-or-later
"""A member may speak for parts of it, and for nobody else."""

import pytest

from protocol.reasons import is_part_of, part_of


def test_a_part_is_one() -> None:
    assert part_of("rank 1", "kvs") == "rank 1: kvs"
    assert is_part_of("rank 1: kvs", "rank 1")


@pytest.mark.parametrize(
    "module", ["rank 1", "rank 10: kvs", "rank 2: kvs", "kvs", "", "rank 1kvs"]
)
def test_others_are_not(module: str) -> None:
    assert not is_part_of(module, "rank 1")
