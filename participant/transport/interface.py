# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a participant needs of its connection to the coordinator, whatever carries it.

A transport loses frames only together with the connection, and says when that is cut: the
participant then joins again and tells where it stands.  Nothing that was sent before a cut may
arrive after it, for it would reach another coordinator.
"""

from enum import Enum
from typing import Protocol


class LinkEvent(Enum):
    """What can happen to a link besides a frame."""

    UP = "up"
    DOWN = "down"


class ParticipantTransport(Protocol):
    """One connection that is made again whenever it is lost.  For use in one thread."""

    def wait(self, seconds: float | None) -> LinkEvent | bytes | memoryview | None:
        """The next thing that happens: a frame, or UP or DOWN.

        None where nothing does within `seconds` (None: wait for ever), or where a descriptor
        that is watched has become readable.  Frames come between an UP and its DOWN only.
        """

    def send(self, frame: bytes) -> None:
        """Send a frame, without waiting; one that cannot be sent is lost, and a DOWN follows."""

    def watch(self, descriptor: int) -> None:
        """Let `wait` return when this file descriptor is readable, too."""

    def unwatch(self, descriptor: int) -> None:
        """Watch this one no more."""

    def reopen(self) -> None:
        """Give the connection up and make another; no DOWN is told, the next event is an UP."""

    def close(self) -> None:
        """Send what is still to be sent, for half a second at most, and close for good."""
