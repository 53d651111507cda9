# SPDX-License-Identifier: LGPL-3.0-or-later
"""The connections to the broker's own modules: one end of a socket pair each, made before they are.

A module is born with its end (socketpair(2), SOCK_SEQPACKET), so who is there is the descriptor and
nothing that anybody says, and its end of file is its end.  A child that it has forked holds that
end, too, so the connection is shut when the module's process has ended.  Against a socket that it
would have to connect to, through a library with a thread of its own, a message wakes one thread
instead of three.

A long frame is written once, into sealed memory that every module maps (memfd_create(2)).
"""

import array
import fcntl
import os
import select
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from protocol import limits
from protocol.packets import PACKET_BYTES, NotAPacket, PacketReader, is_short, pieces, shared

MARK = b"\2"
"""What names of these peers begin with."""

_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_EVENTS = select.EPOLLIN


class _Packet:
    """What is sent at once; the descriptor that goes with it is closed when nobody waits for it."""

    __slots__ = ("ancillary", "data", "descriptor")

    def __init__(self, data: bytes, descriptor: int = -1) -> None:
        self.data = data
        self.descriptor = descriptor
        rights = array.array("i", [descriptor])
        self.ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)] if descriptor >= 0 else []

    def send(self, sock: socket.socket) -> None:
        """Raises OSError."""
        if self.ancillary:
            sock.sendmsg([self.data], self.ancillary)
        else:
            sock.send(self.data)

    def __del__(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)


class _Pair:
    """One connection."""

    __slots__ = ("ended", "is_deaf", "module", "name", "out", "reader", "sock", "ticket", "waits")

    def __init__(self, name: bytes, module: str, ticket: int, sock: socket.socket) -> None:
        self.name = name
        self.module = module
        self.ticket = ticket
        """Of the start of its process."""
        self.sock = sock
        self.reader = PacketReader(limits.PARTICIPANT_FRAME_BYTES)
        self.out: deque[_Packet] = deque()
        self.waits = False
        """Whether the kernel tells when there is room for more."""
        self.is_deaf = False
        """Nothing reaches it any more; what it has said is still to be read."""
        self.ended: Callable[[], None] | None = None
        """Its process is gone; to be called when all that it had said was read."""

    def flush(self) -> bool:
        """Send what the kernel takes now; False where the other end is gone."""
        try:
            while self.out:
                self.out[0].send(self.sock)
                self.out.popleft()
        except BlockingIOError:
            pass
        except OSError:
            self.is_deaf = True
            self.out.clear()
        return not self.is_deaf


class SocketPairs:
    """A `Transport` to those who have been given an end."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._peers: dict[bytes, _Pair] = {}
        self._by_descriptor: dict[int, _Pair] = {}
        self._made = 0

    def __len__(self) -> int:
        return len(self._peers)

    def open(self, module: str, ticket: int) -> socket.socket:
        """The end that the module of this name is to be born with.  Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._made += 1
        peer = _Pair(MARK + self._made.to_bytes(7, "big"), module, ticket, ours)
        self._peers[peer.name] = self._by_descriptor[ours.fileno()] = peer
        self._epoll.register(ours, _EVENTS)
        return theirs

    def descriptors(self) -> tuple[int, ...]:
        return (self._epoll.fileno(),)

    @property
    def ready(self) -> bool:
        return False  # nothing is read that is not taken at once

    def no_place_for(self, peer: bytes, name: str) -> str:
        known = self._peers.get(peer)
        if known is None or known.module == name:
            return ""
        return f"this connection is that of {known.module}"

    # In

    def receive(self, most: int) -> Iterator[tuple[bytes, bytes]]:
        for descriptor, events in self._epoll.poll(0, most):
            peer = self._by_descriptor.get(descriptor)
            if peer is None:
                continue
            if events & select.EPOLLOUT:
                self._flushed(peer)
            if events & ~select.EPOLLOUT and (frame := self._read(peer)) is not None:
                yield peer.name, frame

    def _read(self, peer: _Pair) -> bytes | None:
        """The frame that has come; None where none is complete, empty where it is no frame."""
        try:
            packet = peer.sock.recv(PACKET_BYTES + 1)
        except BlockingIOError:
            return None
        except ConnectionResetError:  # it has not read all; what it said comes after this
            return None
        except OSError:
            packet = b""
        if not packet:
            self._end(peer)
            return None
        try:
            frame = peer.reader.feed(packet) if is_short(packet) else b""
        except NotAPacket:
            frame = b""
        if frame is None or (isinstance(frame, bytes) and frame):
            return frame
        self._end(peer)  # no participant of ours says such a thing, or shares memory
        return b""

    # Out

    def send(self, peers: Iterable[bytes], frame: bytes) -> list[bytes]:
        lost = []
        packets = [_Packet(frame)] if is_short(frame) else _long(frame)
        for name in peers:
            peer = self._peers.get(name)
            if peer is None or peer.is_deaf or len(peer.out) >= limits.FRAMES_QUEUED:
                lost.append(name)
                continue
            peer.out.extend(packets)
            if not self._flushed(peer):
                lost.append(name)
        return lost

    def _flushed(self, peer: _Pair) -> bool:
        """Send, and go on when that is possible; False where the other end is gone."""
        there = peer.flush()
        if bool(peer.out) is not peer.waits:
            peer.waits = not peer.waits
            self._epoll.modify(peer.sock, _EVENTS | (select.EPOLLOUT if peer.waits else 0))
        return there

    # Ends

    def process_ended(self, ticket: int, then: Callable[[], None]) -> None:
        """The module that was started so is gone; `then` follows when all it had said was read.

        A child that it has forked may have its end, and has no say.
        """
        for peer in self._peers.values():
            if peer.ticket == ticket:
                peer.ended = then
                peer.sock.shutdown(socket.SHUT_RDWR)
                return
        then()

    def _end(self, peer: _Pair) -> None:
        self._drop(peer)
        if peer.ended is not None:
            peer.ended()

    def _drop(self, peer: _Pair) -> None:
        del self._peers[peer.name], self._by_descriptor[peer.sock.fileno()]
        self._epoll.unregister(peer.sock)
        peer.sock.close()

    def close(self) -> None:
        """What the kernel has taken is there to be read; more is not waited for."""
        for peer in list(self._peers.values()):
            peer.flush()
            self._drop(peer)
        self._epoll.close()


def _long(frame: bytes) -> list[_Packet]:
    """A long frame, in memory for all; in pieces where that cannot be had."""
    try:
        descriptor = os.memfd_create("frame", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError:
        return [_Packet(piece) for piece in pieces(frame)]
    packet = _Packet(shared(len(frame)), descriptor)
    try:
        view = memoryview(frame)
        while view:
            view = view[os.write(descriptor, view) :]
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    except OSError:
        return [_Packet(piece) for piece in pieces(frame)]
    return [packet]
