# SPDX-License-Identifier: LGPL-3.0-or-later
"""Two transports as one: the broker's own modules by socket pairs, all others by ZeroMQ."""

from collections.abc import Iterable, Iterator

from coordinator.transport.interface import Transport
from coordinator.transport.socket_pairs import MARK, SocketPairs


class LocalAndOthers:
    """A `Transport` that knows by a peer's name which of the two it is at."""

    def __init__(self, local: SocketPairs, others: Transport) -> None:
        self._local = local
        self._others = others

    def send(self, peers: Iterable[bytes], frame: bytes) -> list[bytes]:
        local: list[bytes] = []
        others: list[bytes] = []
        for peer in peers:
            (local if peer[:1] == MARK else others).append(peer)
        lost = self._local.send(local, frame) if local else []
        return lost + self._others.send(others, frame) if others else lost

    def receive(self, most: int) -> Iterator[tuple[bytes, bytes]]:
        yield from self._local.receive(most)
        yield from self._others.receive(most)

    def no_place_for(self, peer: bytes, name: str) -> str:
        transport = self._local if peer[:1] == MARK else self._others
        return transport.no_place_for(peer, name)

    def descriptors(self) -> tuple[int, ...]:
        return (*self._local.descriptors(), *self._others.descriptors())

    @property
    def ready(self) -> bool:
        return self._others.ready

    def close(self) -> None:
        self._local.close()
        self._others.close()
