# SPDX-License-Identifier: LGPL-3.0-or-later
"""Frames between the coordinator on rank 0 and the agents of the ranks, as raw RPCs.

A peer is one life of one rank's agent.  What rank 0 says is a request to that rank's service; what
a rank says is a request to rank 0's.  An answer to either says only that the other end took it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from fluxcore.framing import DOWN, UP, pack, unpack
from fluxcore.handle import Failure, Flux, Request

_EPROTO = 71


class RankTransport:
    """What `coordinator.transport.interface.Transport` asks for, over Flux."""

    def __init__(self, flux: Flux) -> None:
        self._flux = flux
        self._lives: dict[int, bytes] = {}
        """The life that was heard last of each rank."""
        self._arrived: deque[tuple[bytes, bytes]] = deque()
        self._unreachable: Callable[[bytes], None] = _nothing
        self._replaced: Callable[[int], None] = _nothing
        flux.serve(UP, self._heard)

    def attach(self, unreachable: Callable[[bytes], None], replaced: Callable[[int], None]) -> None:
        """Tell `unreachable` of peers that turn out to be gone, `replaced` of ranks whose agent is
        another one now, before anything of that one is received."""
        self._unreachable, self._replaced = unreachable, replaced

    def send(self, peers: Iterable[bytes], frame: bytes) -> list[bytes]:
        lost = []
        for peer in peers:
            there = unpack(peer)
            if there is None or self._lives.get(there.rank) != there.life:
                lost.append(peer)
                continue
            self._flux.ask_raw(DOWN, peer + frame, self._answered(peer), there.rank)
        return lost

    def no_place_for(self, peer: bytes, name: str) -> str:  # noqa: ARG002
        """Each rank has one: connections between ranks are Flux's."""
        return ""

    def _answered(self, peer: bytes) -> Callable[[object], None]:
        def then(answer: object) -> None:
            if isinstance(answer, Failure):
                self.forget(peer)
                self._unreachable(peer)

        return then

    def forget(self, peer: bytes) -> None:
        """Nobody is reached as `peer` any more."""
        there = unpack(peer)
        if there is not None and self._lives.get(there.rank) == there.life:
            del self._lives[there.rank]

    def forget_rank(self, rank: int) -> None:
        """Whatever served there is gone."""
        self._lives.pop(rank, None)

    def _heard(self, request: Request) -> None:
        heard = unpack(request.data)
        if heard is None or not 0 <= heard.rank < self._flux.size:
            request.refuse(_EPROTO, "that is no frame of an agent")
            return
        request.answer()
        before = self._lives.get(heard.rank)
        self._lives[heard.rank] = heard.life
        if before is not None and before != heard.life:
            self._replaced(heard.rank)
        self._arrived.append((pack(heard.rank, heard.life, b""), heard.frame))

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
