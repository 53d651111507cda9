# SPDX-License-Identifier: LGPL-3.0-or-later
"""The floors of a change: two rounds over bare sockets with a durable write between them.

One over ZeroMQ (ROUTER and DEALER), one over socket pairs to processes that are forked with their
end: what nobody can avoid who asks so many processes.
"""

import os
import select
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from types import TracebackType

import msgpack
import zmq

_ECHO = """
import sys, zmq, msgpack
socket = zmq.Context().socket(zmq.DEALER)
socket.connect(sys.argv[1])
socket.send(b"here")
while True:
    frame = socket.recv()
    if frame == b"end":
        break
    if len(frame) > 64:
        msgpack.unpackb(frame)
    socket.send(b"yes")
"""


class Floor(ABC):
    """Echo processes and whoever asks them; a context manager."""

    def __init__(self, payload: bytes, folder: str) -> None:
        self.payload = payload
        self._file = open(f"{folder}/disk", "wb")  # noqa: SIM115 - closed in __exit__
        msgpack.unpackb(payload)

    def __enter__(self) -> "Floor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        self._file.close()

    def change(self) -> float:
        """Seconds of two rounds with a durable write between them."""
        began = time.perf_counter()
        self.ask_all(self.payload)
        self._write()
        self.ask_all(b"commit")
        return time.perf_counter() - began

    def question(self) -> float:
        """Seconds of one round without a disk."""
        began = time.perf_counter()
        self.ask_all(self.payload)
        return time.perf_counter() - began

    def disk(self) -> float:
        """Seconds of the write alone."""
        began = time.perf_counter()
        self._write()
        return time.perf_counter() - began

    def _write(self) -> None:
        os.pwrite(self._file.fileno(), b"x" * 4096, 0)
        os.fdatasync(self._file.fileno())

    @abstractmethod
    def ask_all(self, frame: bytes) -> None:
        """The frame to all, and an answer from each."""

    @abstractmethod
    def close(self) -> None:
        """End the processes."""


class ZmqFloor(Floor):
    """One ROUTER, and a process with a DEALER for each member."""

    def __init__(self, members: int, payload: bytes, folder: str) -> None:
        super().__init__(payload, folder)
        uri = f"ipc://{folder}/floor"
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.bind(uri)
        self._processes = [
            subprocess.Popen([sys.executable, "-c", _ECHO, uri]) for _ in range(members)
        ]
        self._peers = [self._router.recv_multipart()[0] for _ in range(members)]

    def close(self) -> None:
        self._send(b"end")
        for process in self._processes:
            process.wait(10)
        self._router.close()
        self._context.term()

    def ask_all(self, frame: bytes) -> None:
        self._send(frame)
        for _ in self._peers:
            self._router.recv_multipart()

    def _send(self, frame: bytes) -> None:
        copy = len(frame) < 65536
        for peer in self._peers:
            self._router.send(peer, zmq.SNDMORE)
            self._router.send(frame, 0, copy)


class PairFloor(Floor):
    """A socket pair (SOCK_SEQPACKET) to each of so many forked processes."""

    def __init__(self, members: int, payload: bytes, folder: str) -> None:
        super().__init__(payload, folder)
        self._epoll = select.epoll()
        self._socks: dict[int, socket.socket] = {}
        self._pids = [self._fork() for _ in range(members)]

    def _fork(self) -> int:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            for sock in (ours, *self._socks.values()):
                sock.close()
            while frame := theirs.recv(1 << 16):
                if len(frame) > 64:
                    msgpack.unpackb(frame)
                theirs.send(b"yes")
            os._exit(0)
        theirs.close()
        self._socks[ours.fileno()] = ours
        self._epoll.register(ours, select.EPOLLIN)
        return pid

    def close(self) -> None:
        self._epoll.close()
        for sock in self._socks.values():
            sock.close()
        for pid in self._pids:
            os.waitpid(pid, 0)

    def ask_all(self, frame: bytes) -> None:
        for sock in self._socks.values():
            sock.send(frame)
        missing = len(self._socks)
        while missing:
            for descriptor, _ in self._epoll.poll():
                self._socks[descriptor].recv(1 << 16)
                missing -= 1
