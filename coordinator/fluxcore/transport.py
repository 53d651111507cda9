# SPDX-License-Identifier: LGPL-3.0-or-later
"""Frames between the coordinator on rank 0 and the agents of the ranks, along Flux's tree.

A peer is one life of one rank's agent.  One frame for many goes from agent to agent, so that each
link carries it once (participant/fluxcore/frame_relay.py passes it on); what ranks say comes back
that way, gathered.  An answer to a request says only that the next agent has taken it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from fluxcore.framing import AGAIN, DOWN, UP, Peer, UpFrame, pack_down, unpack_up
from fluxcore.handle import Failure, Flux, Request
from fluxcore.routes import Routes
from protocol import limits

_EPROTO = 71


class RankTransport:
    """What `coordinator.transport.interface.Transport` asks for, over Flux."""

    def __init__(self, flux: Flux, routes: Routes) -> None:
        self._flux = flux
        self._routes = routes
        self._lives: dict[int, bytes] = {}
        """The life that was heard last of each rank."""
        self._arrived: deque[tuple[bytes, bytes]] = deque()
        self._unreachable: Callable[[bytes], None] = _nothing
        self._replaced: Callable[[int], None] = _nothing
        flux.serve_raw(UP, self._heard)

    def attach(self, unreachable: Callable[[bytes], None], replaced: Callable[[int], None]) -> None:
        """Tell `unreachable` of peers that turn out to be gone, `replaced` of ranks whose agent is
        another one now, before anything of that one is received."""
        self._unreachable, self._replaced = unreachable, replaced

    def send(self, peers: Iterable[bytes], frame: bytes) -> list[bytes]:
        lost, there = [], []
        for name in peers:
            peer = Peer.named(name)
            if self._lives.get(peer.rank) == peer.life:
                there.append(peer)
            else:
                lost.append(name)
        for hop, group in self._routes.split(there).items():
            self._flux.ask_raw(DOWN, pack_down(group, frame), partial(self._answered, group), hop)
        return lost

    def no_place_for(self, peer: bytes, name: str) -> str:  # noqa: ARG002
        """Each rank has one: connections between ranks are Flux's."""
        return ""

    def _answered(self, group: list[Peer], answer: Any) -> None:
        if isinstance(answer, Failure):
            for peer in group:
                self._lose(peer)

    def _lose(self, peer: Peer) -> None:
        if self._lives.get(peer.rank) == peer.life:
            del self._lives[peer.rank]
            self._unreachable(peer.name)

    def forget_rank(self, rank: int) -> None:
        """Whatever served there is gone."""
        self._lives.pop(rank, None)

    def cut_below(self, rank: int) -> None:
        """With what served there, all is gone that it had on the way for those below.

        They are lost, as connections are lost: those that live are told so, and join again.
        """
        for below in self._routes.below(rank, list(self._lives)):
            self._lose(Peer(below, self._lives[below]))
            seconds = limits.RANK_JOIN_SECONDS
            self._flux.ask(AGAIN, {}, _nothing, rank=below, seconds=seconds)

    def _heard(self, request: Request) -> None:
        entries = unpack_up(request.data)
        if entries is None or any(entry.rank >= self._flux.size for entry in entries):
            request.refuse(_EPROTO, "that is nothing that an agent says or passes on")
            return
        request.answer()
        for entry in entries:
            self._take(entry)

    def _take(self, entry: UpFrame) -> None:
        peer = Peer(entry.rank, entry.life)
        if entry.lost:
            self._lose(peer)
            return
        before = self._lives.get(peer.rank)
        if before is not None and before != peer.life:
            self.forget_rank(peer.rank)
            self._replaced(peer.rank)
            self.cut_below(peer.rank)
        self._lives[peer.rank] = peer.life
        self._arrived.append((peer.name, entry.frame))

    def receive(self, most: int) -> Iterator[tuple[bytes, bytes]]:
        for _ in range(min(most, len(self._arrived))):
            yield self._arrived.popleft()

    def descriptors(self) -> tuple[int, ...]:
        """None: the reactor itself brings what arrives."""
        return ()

    @property
    def ready(self) -> bool:
        return bool(self._arrived)

    def close(self) -> None:
        """Nothing is kept back here."""


def _nothing(_: object) -> None:
    """Nobody has asked to be told yet."""
