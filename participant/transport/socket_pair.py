# SPDX-License-Identifier: LGPL-3.0-or-later
"""The connection that a module of a broker's own is born with: its end of a socket pair.

The other end is coordinator/transport/socket_pairs.py.  It is there from the beginning, and when it
is gone so is the broker, or it has given this module up: nothing is ever connected again.
"""

import fcntl
import mmap
import os
import select
import socket
from contextlib import suppress

from participant.transport.interface import LinkEvent
from protocol import limits
from protocol.packets import PACKET_BYTES, NotAPacket, PacketReader, SharedFrame, pieces

_DESCRIPTOR_BYTES = socket.CMSG_SPACE(4)
_SEALED = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_WRITE


class Disconnected(Exception):
    """The other end is gone, for good."""


class SocketPair:
    """A ParticipantTransport over a connected SOCK_SEQPACKET socket.  For use in one thread."""

    def __init__(self, descriptor: int) -> None:
        """Takes the descriptor over."""
        self._socket = socket.socket(fileno=descriptor)
        os.set_inheritable(descriptor, False)
        self._reader = PacketReader(limits.FRAME_BYTES)
        self._watched: list[int] = []
        self._told_up = self._is_down = False
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def watch(self, descriptor: int) -> None:
        self._watched.append(descriptor)
        self._poll.register(descriptor, select.POLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Watch this one no more."""
        self._watched.remove(descriptor)
        self._poll.unregister(descriptor)

    def wait(self, seconds: float | None) -> LinkEvent | bytes | memoryview | None:
        """The next thing that happens; None where nothing does.

        Raises Disconnected where nothing will happen any more, after a DOWN.
        """
        if not self._told_up:
            self._told_up = True
            return LinkEvent.UP
        if self._is_down:
            raise Disconnected
        if seconds is not None or self._watched:
            milliseconds = None if seconds is None else int(seconds * 1000 + 0.999)
            ready = self._poll.poll(milliseconds)
            if not any(descriptor == self._socket.fileno() for descriptor, _ in ready):
                return None
        return self._receive()

    def _receive(self) -> LinkEvent | bytes | memoryview | None:
        """What one packet completes; it is without bytes where the other end is gone."""
        descriptors: list[int] = []
        frame: LinkEvent | bytes | SharedFrame | None = LinkEvent.DOWN
        try:
            data, ancillary, _, _ = self._socket.recvmsg(
                PACKET_BYTES, _DESCRIPTOR_BYTES, socket.MSG_CMSG_CLOEXEC
            )
            if ancillary:
                descriptors = _passed(ancillary)
            if data:
                frame = self._reader.feed(data)
            if isinstance(frame, SharedFrame):
                return _mapped(descriptors, frame.size)
        except (OSError, NotAPacket):
            frame = LinkEvent.DOWN
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        if frame is LinkEvent.DOWN:
            self._is_down = True
        return frame

    def send(self, frame: bytes) -> None:
        """Send; the broker always reads, and a module that outruns it waits for it."""
        try:
            if len(frame) <= PACKET_BYTES:  # as most are: it is a packet as it is
                self._socket.send(frame)
                return
            for packet in pieces(frame):
                self._socket.send(packet)
        except OSError:  # `wait` tells of the end
            return

    def reopen(self) -> None:
        """There is no other connection to be had: nothing happens after this, at either end."""
        self._is_down = True
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """What has been sent is there to be read, also when this end is closed."""
        self._socket.close()


def _passed(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    """The descriptors that came with a packet."""
    rights = [part for _, kind, part in ancillary if kind == socket.SCM_RIGHTS]
    return [int.from_bytes(part[:4], "little") for part in rights]


def _mapped(descriptors: list[int], size: int) -> memoryview:
    """The shared memory, to be read in place.  Raises NotAPacket where it is not as it must be."""
    try:
        (descriptor,) = descriptors
        sealed = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _SEALED == _SEALED
        if not sealed or os.fstat(descriptor).st_size != size:
            raise NotAPacket("shared memory that is not sealed, or has not the size that was told")
        return memoryview(mmap.mmap(descriptor, size, mmap.MAP_SHARED, mmap.PROT_READ))
    except (OSError, ValueError) as error:
        raise NotAPacket("no memory that can be read came with the packet") from error
