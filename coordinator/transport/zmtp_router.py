# SPDX-License-Identifier: LGPL-3.0-or-later
"""The ZeroMQ socket at which participants join (zmq_socket(7), ROUTER; zmq_ipc(7)).

Owner only: the socket is made under a umask that keeps everybody else out.  What is said on it is
`zmtp`'s.  There are as many places as file descriptors allow.  A connection that says nothing
gives its place to the next that comes.  Whoever comes when all are taken is let in for as long as
it takes to tell it so; where there are too many even of these, the next wait in the kernel's queue.
"""

import errno
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from coordinator.transport.zmtp import GREETING, NotZmtp, ZmtpReader, header
from protocol import limits

LONGEST_PATH = 107
"""Bytes of a unix socket's path, by unix(7)."""

_BACKLOG = 128  # connections that wait to be accepted, listen(2)
_ACCEPTS = 16  # in one turn
_CHUNK = 256 * 1024
_LATE = 4  # connections that are only told that there is no place
_MARK, _LATE_MARK = b"\0", b"\1"
"""What names of peers begin with: a late one is known as such also when it is gone."""
_LINGER_SECONDS = 0.5
_PAUSE_SECONDS = 0.1
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_ENDS = select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR


class _Peer:
    """One connection."""

    def __init__(self, name: bytes, sock: socket.socket, is_late: bool) -> None:
        self.name = name
        self.sock = sock
        self.is_late = is_late
        self.reader = ZmtpReader(limits.PARTICIPANT_FRAME_BYTES)
        self.arrived: deque[bytes] = deque()
        self.out: deque[memoryview] = deque()
        self.frames = 0
        """How many frames wait in `out`."""
        self.silent_since: float | None = time.monotonic()
        """None once it has said something (monotonic clock)."""

    def flush(self) -> bool:
        """Send what the kernel takes now; False where the other end is gone."""
        while self.out:
            try:
                sent = self.sock.send(self.out[0])
            except BlockingIOError:
                return True
            except OSError:
                return False
            if sent < len(self.out[0]):
                self.out[0] = self.out[0][sent:]
            else:
                self.out.popleft()
        self.frames = 0
        return True


class ZmtpRouter:
    """A `Transport` that speaks ZeroMQ's protocol over a unix socket."""

    def __init__(self, path: str, places: Callable[[], int]) -> None:
        """Bind at `path`; `places` tells how many participants there may be.

        Raises OSError where that is not possible.
        """
        if len(os.fsencode(path)) > LONGEST_PATH:
            raise OSError(f"the socket path {path} is longer than {LONGEST_PATH} bytes")
        self.uri = f"ipc://{path}"
        self._places = places
        self._peers: dict[bytes, _Peer] = {}
        self._by_descriptor: dict[int, _Peer] = {}
        self._unread: deque[_Peer] = deque()
        """Those of whom something has arrived that nobody has taken, in turns."""
        self._made = 0
        self._paused_until: float | None = None
        try:
            self._listener = _listener(path)
        except OSError as error:
            raise OSError(error.errno, f"cannot bind {self.uri}: {error.strerror}") from error
        self._epoll = select.epoll()
        self._epoll.register(self._listener, select.EPOLLIN)

    def descriptors(self) -> tuple[int, ...]:
        return (self._epoll.fileno(),)

    @property
    def ready(self) -> bool:
        return bool(self._unread)

    def no_place_for(self, peer: bytes, name: str) -> str:  # noqa: ARG002
        if peer[:1] != _LATE_MARK:
            return ""
        return (
            f"there are {self._places()} places for participants, by the limit on file "
            "descriptors (ulimit -n), and all are taken; raise it and start the broker again"
        )

    # In

    def receive(self, most: int) -> Iterator[tuple[bytes, bytes]]:
        self._resume_listening()
        for descriptor, events in self._epoll.poll(0):
            self._happened(descriptor, events)
        for _ in range(most):
            if not self._unread:
                return
            peer = self._unread.popleft()
            frame = peer.arrived.popleft()
            if peer.arrived:
                self._unread.append(peer)
            yield peer.name, frame

    def _happened(self, descriptor: int, events: int) -> None:
        if descriptor == self._listener.fileno():
            self._accept()
            return
        peer = self._by_descriptor.get(descriptor)
        if peer is None:
            return
        if events & select.EPOLLOUT and not self._flushed(peer):
            return
        if events & _ENDS and not peer.arrived:  # one at a time: what has come is dealt with first
            self._read(peer)

    def _read(self, peer: _Peer) -> None:
        try:
            data = peer.sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        try:
            peer.arrived.extend(peer.reader.feed(data))
        except NotZmtp:
            data = b""
        if peer.arrived:
            peer.silent_since = None
            self._unread.append(peer)
        if not data:
            self._drop(peer)
        elif peer.reader.replies:
            peer.out.append(memoryview(bytes(peer.reader.replies)))
            peer.reader.replies.clear()
            self._flushed(peer)

    # Out

    def send(self, peers: Iterable[bytes], frame: bytes) -> list[bytes]:
        lost = []
        whole = memoryview(header(len(frame)) + frame)
        for name in peers:
            peer = self._peers.get(name)
            if peer is None or peer.frames >= limits.FRAMES_QUEUED:
                lost.append(name)
                continue
            peer.out.append(whole)
            peer.frames += 1
            if not self._flushed(peer):
                lost.append(name)
        return lost

    def _flushed(self, peer: _Peer) -> bool:
        """Send, and go on when that is possible; False where the other end is gone."""
        if not peer.flush():
            self._drop(peer)
            return False
        waits = select.EPOLLOUT if peer.out else 0
        self._epoll.modify(peer.sock, select.EPOLLIN | waits)
        return True

    # Who comes and goes

    def _accept(self) -> None:
        for _ in range(_ACCEPTS):
            try:
                sock, _ = self._listener.accept()
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._pause()
                return
            late = [peer for peer in self._peers.values() if peer.is_late]
            is_late = len(self._peers) - len(late) >= self._places() and not self._make_place()
            if is_late and len(late) >= _LATE:
                self._drop(late[0])  # it has heard why, or does not ask
            sock.setblocking(False)
            self._made += 1
            mark = _LATE_MARK if is_late else _MARK
            peer = _Peer(mark + self._made.to_bytes(7, "big"), sock, is_late)
            self._peers[peer.name] = self._by_descriptor[sock.fileno()] = peer
            self._epoll.register(sock, select.EPOLLIN)
            peer.out.append(memoryview(GREETING))
            self._flushed(peer)

    def _make_place(self) -> bool:
        """Let the one go that has been silent for longest; False if none has been for long."""
        before = time.monotonic() - limits.SILENT_CONNECTION_SECONDS
        for peer in self._peers.values():  # in the order in which they came
            if peer.silent_since is not None and peer.silent_since <= before and not peer.is_late:
                self._drop(peer)
                return True
        return False

    def _drop(self, peer: _Peer) -> None:
        """What has arrived of it is still to be taken."""
        del self._peers[peer.name], self._by_descriptor[peer.sock.fileno()]
        self._epoll.unregister(peer.sock)
        peer.sock.close()
        self._paused_until = self._paused_until and 0.0

    def _pause(self) -> None:
        """Out of descriptors: who waits would keep the loop awake, and cannot be served."""
        self._epoll.unregister(self._listener)
        self._paused_until = time.monotonic() + _PAUSE_SECONDS

    def _resume_listening(self) -> None:
        if self._paused_until is not None and time.monotonic() >= self._paused_until:
            self._paused_until = None
            self._epoll.register(self._listener, select.EPOLLIN)

    def close(self) -> None:
        """Send what is under way for LINGER's half second, and close."""
        self._listener.close()
        until = time.monotonic() + _LINGER_SECONDS
        while any(peer.out for peer in self._peers.values()) and time.monotonic() < until:
            for descriptor, _ in self._epoll.poll(max(0.0, until - time.monotonic())):
                peer = self._by_descriptor.get(descriptor)
                if peer is not None and (not peer.out or not peer.flush()):
                    self._drop(peer)
        for peer in list(self._peers.values()):
            self._drop(peer)
        self._epoll.close()


def _listener(path: str) -> socket.socket:
    """A listening socket at `path`.  Raises OSError."""
    before = os.umask(0o177)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.setblocking(False)
        listener.bind(path)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener
