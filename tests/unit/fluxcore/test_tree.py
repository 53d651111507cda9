# SPDX-License-Identifier: LGPL-3.0-or-later
"""Ways along a tree of brokers: each link once, everybody reached, whoever has no agent."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fluxcore.tree import Tree

BINARY = Tree({rank: (rank - 1) // 2 for rank in range(1, 15)})
ALL = frozenset(range(15))


def test_the_tree_of_an_answer() -> None:
    leaf = {"rank": 2, "size": 1, "children": []}
    chain = {"rank": 0, "size": 3, "children": [{"rank": 1, "size": 2, "children": [leaf]}]}
    assert Tree.of(chain).ancestors(2) == [1, 0]


def test_an_answer_that_is_none_makes_a_flat_tree() -> None:
    for answer in (None, {}, {"children": [1]}, {"rank": 0, "children": [{"rank": "x"}]}, 5):
        assert Tree.of(answer).ancestors(7) == [0]


def test_ranks_in_a_circle_are_no_tree() -> None:
    assert Tree({1: 2, 2: 1}).ancestors(1) == [0]


def test_each_link_carries_it_once() -> None:
    links = []

    def send(here: int, ranks: list[tuple[int]]) -> None:
        for hop, group in BINARY.split(here, ranks, ALL).items():
            links.append((here, hop))
            send(hop, [one for one in group if one[0] != hop])

    send(0, [(rank,) for rank in range(1, 15)])
    assert sorted(links) == sorted(((rank - 1) // 2, rank) for rank in range(1, 15))


@given(st.sets(st.integers(1, 14)), st.sets(st.integers(1, 14)))
def test_everybody_is_reached_once_whoever_has_no_agent(
    wanted: set[int], without: set[int]
) -> None:
    served, reached = ALL - without, []

    def send(here: int, ranks: list[tuple[int]]) -> None:
        for hop, group in BINARY.split(here, ranks, served).items():
            if (hop,) in group:
                reached.append(hop)
            below = [one for one in group if one[0] != hop]
            assert not below or hop in served, "only an agent passes on"
            send(hop, below)

    send(0, [(rank,) for rank in wanted])
    assert sorted(reached) == sorted(wanted)


@given(st.integers(1, 14), st.sets(st.integers(1, 14)))
def test_the_way_up_ends_at_rank_0(rank: int, without: set[int]) -> None:
    served, way = ALL - without, [rank]
    while way[-1] != 0:
        way.append(BINARY.upstream(way[-1], served))
    for lower, upper in pairwise(way):
        assert upper in BINARY.ancestors(lower)
        assert upper == 0 or upper in served


def test_who_is_below() -> None:
    assert BINARY.below(1, range(15)) == [3, 4, 7, 8, 9, 10]
    assert BINARY.below(7, range(15)) == []
