# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which way frames go now: Flux's tree, and which ranks have an agent, as one agent sees it.

What one agent sees may be a tenth of a second old.  A frame that is sent the wrong way is not lost
without a word: the request fails, or rank 0 finds out who is gone and begins anew with all below.
"""

from collections.abc import Callable, Iterable

from fluxcore.framing import GROUP, Peer
from fluxcore.handle import Flux
from fluxcore.tree import Tree

Watcher = Callable[[frozenset[int]], None]


class Routes:
    """For the rank of `flux`."""

    def __init__(self, flux: Flux) -> None:
        self._rank = flux.rank
        self._flux = flux
        self.served: frozenset[int] = frozenset()
        """Ranks that have an agent."""
        self.tree = Tree({})
        self._watchers: list[Watcher] = []

    def open(self) -> None:
        """Find the tree, and keep on watching who has an agent."""
        try:
            topology = self._flux.call("overlay.topology", {"rank": 0}, rank=0)
        except OSError:
            topology = None  # then everything goes straight
        self.tree = Tree.of(topology)
        self._flux.watch_group(GROUP, self._changed)

    def watch(self, watcher: Watcher) -> None:
        """Tell `watcher` whenever another set of ranks has an agent."""
        self._watchers.append(watcher)

    def _changed(self, served: frozenset[int]) -> None:
        self.served = served
        for watcher in self._watchers:
            watcher(served)

    def split(self, peers: Iterable[Peer]) -> dict[int, list[Peer]]:
        """By the rank to which it is to be sent: who is reached through that."""
        return self.tree.split(self._rank, peers, self.served)

    def upstream(self) -> int:
        """The rank to which is sent what is for rank 0."""
        return self.tree.upstream(self._rank, self.served)

    def below(self, rank: int, ranks: Iterable[int]) -> list[int]:
        """Those of `ranks` that may be reached through `rank` only."""
        return self.tree.below(rank, ranks)
