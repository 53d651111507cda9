# SPDX-License-Identifier: LGPL-3.0-or-later
"""A transport that lets somebody listen: for `flux module trace`.

Nothing is looked at, and nothing is copied, while nobody listens.
"""

from collections.abc import Callable, Iterable, Iterator

from coordinator.transport.interface import Transport

Listener = Callable[[str, bytes, bytes], None]
"""Called with "tx" or "rx" as the participant sees it, the peer, and the frame."""


class TracedTransport:
    """Passes everything on to another transport, and what passes to a listener, if there is one."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.listener: Listener | None = None

    def send(self, peers: Iterable[bytes], frame: bytes) -> list[bytes]:
        """As the transport does."""
        if self.listener is None:
            return self._transport.send(peers, frame)
        to = tuple(peers)
        missed = self._transport.send(to, frame)
        for peer in to:
            if peer not in missed:
                self.listener("rx", peer, frame)
        return missed

    def receive(self, most: int) -> Iterator[tuple[bytes, bytes]]:
        """As the transport does."""
        for peer, frame in self._transport.receive(most):
            if self.listener is not None:
                self.listener("tx", peer, frame)
            yield peer, frame

    def no_place_for(self, peer: bytes, name: str) -> str:
        """As the transport does."""
        return self._transport.no_place_for(peer, name)

    def descriptors(self) -> tuple[int, ...]:
        """As the transport does."""
        return self._transport.descriptors()

    @property
    def ready(self) -> bool:
        """As the transport does."""
        return self._transport.ready

    def close(self) -> None:
        """As the transport does."""
        self._transport.close()
