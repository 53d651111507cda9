# SPDX-License-Identifier: LGPL-3.0-or-later
"""Flux's tree of brokers, and how what is for many ranks goes along it: each link carries it once.

Only ranks with an agent can pass something on; where the next one on the way has none, the one
after it is next.  Pure: who has an agent is told.
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

Destination = TypeVar("Destination", bound=tuple[Any, ...])
"""Its first field is a rank."""


class Tree:
    """Who is whose parent; it does not change in the life of an instance."""

    def __init__(self, parents: Mapping[int, int]) -> None:
        """By rank; one that is not in it has rank 0 for a parent."""
        self._parents = {rank: parent for rank, parent in parents.items() if rank != 0}

    @classmethod
    def of(cls, topology: Any) -> "Tree":
        """That of an answer of `overlay.topology`; a flat one where that cannot be read."""
        parents: dict[int, int] = {}
        try:
            waiting = [topology]
            while waiting:
                node = waiting.pop()
                for child in node["children"]:
                    parents[int(child["rank"])] = int(node["rank"])
                    waiting.append(child)
        except (TypeError, KeyError, ValueError):
            return cls({})
        return cls(parents)

    def ancestors(self, rank: int) -> list[int]:
        """From its parent up to rank 0."""
        found: list[int] = []
        while rank != 0:
            rank = self._parents.get(rank, 0)
            if rank in found:
                return [0]  # no tree at all
            found.append(rank)
        return found

    def below(self, rank: int, ranks: Iterable[int]) -> list[int]:
        """Those of `ranks` that are below it."""
        return [other for other in ranks if rank in self.ancestors(other)]

    def hop(self, here: int, to: int, served: frozenset[int]) -> int:
        """The next rank on the way down from `here` that can take something for `to`."""
        way = [to, *self.ancestors(to)]
        between = way[: way.index(here)] if here in way else []
        return next((rank for rank in reversed(between) if rank in served), to)

    def upstream(self, rank: int, served: frozenset[int]) -> int:
        """The next rank on the way up that can take something for rank 0."""
        return next((above for above in self.ancestors(rank) if above in served), 0)

    def split(
        self, here: int, destinations: Iterable[Destination], served: frozenset[int]
    ) -> dict[int, list[Destination]]:
        """By the next rank on the way down: for whom that one is to take it."""
        found: dict[int, list[Destination]] = {}
        for destination in destinations:
            found.setdefault(self.hop(here, destination[0], served), []).append(destination)
        return found
