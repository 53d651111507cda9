# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a broker needs of the connections to participants: socket pairs, ZeroMQ, Flux's RPCs.

A transport carries frames and knows nothing of what is in them: encoding and decoding are the
executor's.  A peer is an opaque name of one connection, given by the transport; it is not used
again for another one.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol


class Transport(Protocol):
    """Sends and receives without ever blocking."""

    def send(self, peers: Iterable[bytes], frame: bytes) -> list[bytes]:
        """The same frame to all; the peers that nobody can be reached at (any more).

        A frame to anybody else is on its way; nobody knows whether it arrives.  To one peer frames
        arrive in their order, each once or not at all.
        """

    def receive(self, most: int) -> Iterator[tuple[bytes, bytes]]:
        """(peer, frame) as they arrived, at most `most`; what was no single frame comes empty."""

    def no_place_for(self, peer: bytes, name: str) -> str:
        """Why this peer cannot join by this name, for people; empty where it can.

        One that cannot is connected for as long as it takes to tell it so.
        """

    def descriptors(self) -> tuple[int, ...]:
        """File descriptors that become readable when there may be something to receive."""

    @property
    def ready(self) -> bool:
        """Whether there is something to receive; the descriptors alone need not tell."""

    def close(self) -> None:
        """Send what is under way, for at most half a second, and close."""
