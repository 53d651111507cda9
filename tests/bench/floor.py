# SPDX-License-Identifier: LGPL-3.0-or-later
"""The floor of a change: ROUTER and DEALER with nothing around them."""

import os
import subprocess
import sys
import time
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


class Floor:
    """`members` echo processes and one ROUTER; a context manager."""

    def __init__(self, members: int, payload: bytes, folder: str) -> None:
        self.payload = payload
        uri = f"ipc://{folder}/floor"
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.bind(uri)
        self._processes = [
            subprocess.Popen([sys.executable, "-c", _ECHO, uri]) for _ in range(members)
        ]
        self._peers = [self._router.recv_multipart()[0] for _ in range(members)]
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
        self._all(b"end", answers=False)
        for process in self._processes:
            process.wait(10)
        self._router.close()
        self._context.term()
        self._file.close()

    def change(self) -> float:
        """Seconds of two rounds with a durable write between them."""
        began = time.perf_counter()
        self._all(self.payload)
        os.pwrite(self._file.fileno(), b"x" * 4096, 0)
        os.fdatasync(self._file.fileno())
        self._all(b"commit")
        return time.perf_counter() - began

    def question(self) -> float:
        """Seconds of one round without a disk."""
        began = time.perf_counter()
        self._all(self.payload)
        return time.perf_counter() - began

    def _all(self, frame: bytes, answers: bool = True) -> None:
        copy = len(frame) < 65536
        for peer in self._peers:
            self._router.send(peer, zmq.SNDMORE)
            self._router.send(frame, 0, copy)
        if answers:
            for _ in self._peers:
                self._router.recv_multipart()
