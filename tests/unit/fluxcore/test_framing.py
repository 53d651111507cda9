# SPDX-License-Identifier: LGPL-3.0-or-later
"""Frames between agents."""

from hypothesis import given
from hypothesis import strategies as st

from fluxcore.framing import LIFE_BYTES, Framed, name_of, pack, rank_of, unpack


@given(st.integers(0, 2**32 - 1), st.binary(min_size=LIFE_BYTES, max_size=LIFE_BYTES), st.binary())
def test_what_is_packed_comes_out(rank: int, life: bytes, frame: bytes) -> None:
    assert unpack(pack(rank, life, frame)) == Framed(rank, life, frame)


@given(st.binary(max_size=LIFE_BYTES + 3))
def test_what_is_too_short_is_none(payload: bytes) -> None:
    assert unpack(payload) is None


@given(st.integers(0, 2**32 - 1))
def test_ranks_have_names(rank: int) -> None:
    assert rank_of(name_of(rank)) == rank
