# SPDX-License-Identifier: LGPL-3.0-or-later
"""Frames between agents."""

from hypothesis import given
from hypothesis import strategies as st

from fluxcore.framing import (
    LIFE_BYTES,
    Peer,
    UpFrame,
    name_of,
    pack_down,
    pack_up,
    rank_of,
    unpack_down,
    unpack_up,
)

RANKS = st.integers(0, 2**32 - 1)
LIVES = st.binary(min_size=LIFE_BYTES, max_size=LIFE_BYTES)
PEERS = st.builds(Peer, RANKS, LIVES)
ENTRIES = st.builds(UpFrame, RANKS, LIVES, st.binary(), st.booleans())


@given(st.lists(PEERS), st.binary())
def test_what_goes_down_comes_out(peers: list[Peer], frame: bytes) -> None:
    assert unpack_down(pack_down(peers, frame)) == (peers, frame)


@given(st.lists(ENTRIES))
def test_what_goes_up_comes_out(entries: list[UpFrame]) -> None:
    assert unpack_up(pack_up(entries)) == entries


@given(st.lists(ENTRIES, min_size=1), st.integers(1))
def test_what_is_cut_off_is_none_or_less(entries: list[UpFrame], cut: int) -> None:
    whole = pack_up(entries)
    found = unpack_up(whole[: -(1 + cut % len(whole))])
    assert found is None or found == entries[: len(found)]


@given(st.binary())
def test_nothing_that_arrives_is_an_error_of_ours(payload: bytes) -> None:
    unpack_down(payload)
    unpack_up(payload)


@given(PEERS)
def test_a_peer_has_a_name(peer: Peer) -> None:
    assert Peer.named(peer.name) == peer


@given(RANKS)
def test_ranks_have_names(rank: int) -> None:
    assert rank_of(name_of(rank)) == rank
