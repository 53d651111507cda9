# SPDX-License-Identifier: LGPL-3.0-or-later
"""Serves the metrics: a little HTTP in the broker's loop, which never waits for it.

Only `GET /metrics` is understood.  A connection has a few seconds from its beginning to its end,
one request, and one answer; there are few connections.  The text is made beside the loop, and so
are the files looked at.
"""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from coordinator.core.machine import Coordinator
from coordinator.files.merge_process import merge_beside
from coordinator.files.reading import Source, read_sources
from coordinator.observation.metrics import Metrics
from coordinator.runtime.loop import READ, WRITE, Loop
from coordinator.runtime.worker import Worker
from protocol import limits

if TYPE_CHECKING:
    from coordinator.observation.exposition import Snapshot


class Exposition(Protocol):
    """What makes the text; coordinator.observation.exposition, which needs a library."""

    CONTENT_TYPE: str

    def take_snapshot(
        self, machine: Coordinator, metrics: Metrics, differ: bool | None, now_monotonic: float
    ) -> "Snapshot":
        """What is so now."""

    def rendered(self, snapshot: "Snapshot") -> bytes:
        """The text."""


class FilesLook:
    """Whether the files on disk differ from what runs, as it was found last."""

    def __init__(self, path: str | None, worker: Worker, now: Callable[[], float]) -> None:
        self._path = path
        self._worker = worker
        self._now = now
        self._digest: str | None = None
        self._sources: tuple[Source, ...] | None = None
        self._again_at = 0.0
        self._looks = False

    def differ(self, digest: str) -> bool | None:
        """Whether they do; None where nobody knows (yet).  Has them looked at again, beside."""
        self.look()
        return None if self._digest is None else self._digest != digest

    def look(self) -> None:
        """Have them looked at, unless that was done just now."""
        path = self._path
        if path is None or self._looks or self._now() < self._again_at:
            return
        self._looks = True

        def job() -> str:
            sources = read_sources(path)
            if sources != self._sources:
                digest = merge_beside(sources).digest
                self._sources = sources
                return digest
            return self._digest or ""

        def then(result: object) -> None:
            self._looks = False
            self._again_at = self._now() + limits.METRIC_FILES_SECONDS
            if isinstance(result, str):
                self._digest = result
            else:
                self._sources = None
                self._digest = ""  # files that cannot be read are not what runs

        self._worker.submit(job, then)


class _Connection:
    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.request = b""
        self.answer = b""
        self.watched = 0
        """The events that the loop waits for."""


class MetricsServer:
    """Serves at one socket, which it closes."""

    def __init__(
        self,
        listener: socket.socket,
        loop: Loop,
        worker: Worker,
        exposition: Exposition,
        machine: Coordinator,
        metrics: Metrics,
        files: FilesLook,
        seconds: float = limits.METRIC_SECONDS,
    ) -> None:
        """`worker` does what takes time; the listener does not block.

        A connection has `seconds`.
        """
        self._seconds = seconds
        self._listener = listener
        self._loop = loop
        self._worker = worker
        self._exposition = exposition
        self._machine = machine
        self._metrics = metrics
        self._files = files
        self._connections: dict[int, _Connection] = {}
        self._accepts = False
        self._closed = False
        self._listen()

    def _listen(self) -> None:
        """Accept as long as there is room; who comes then waits in the kernel's queue."""
        if not self._accepts and not self._closed:
            self._accepts = True
            self._loop.register(self._listener, READ, self._accept)

    def _pause(self) -> None:
        if self._accepts:
            self._accepts = False
            self._loop.unregister(self._listener)

    def _accept(self, _: int) -> None:
        try:
            sock, _address = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:  # out of descriptors: again when time has passed
            self._pause()
            self._loop.call_at(self._loop.now() + self._seconds, self._listen)
            return
        sock.setblocking(False)
        connection = _Connection(sock)
        self._connections[sock.fileno()] = connection
        self._watch(connection, READ)
        until = self._loop.now() + self._seconds
        self._loop.call_at(until, lambda: self._drop(connection))
        if len(self._connections) >= limits.METRIC_CLIENTS:
            self._pause()

    def _ready(self, connection: _Connection, events: int) -> None:
        try:
            if events & READ:
                self._read(connection)
            elif events & WRITE:
                self._write(connection)
        except BlockingIOError:
            return
        except OSError:
            self._drop(connection)

    def _read(self, connection: _Connection) -> None:
        data = connection.sock.recv(limits.METRIC_REQUEST_BYTES)
        if not data:
            self._drop(connection)
            return
        connection.request += data
        if b"\r\n\r\n" in connection.request or b"\n\n" in connection.request:
            self._watch(connection, 0)  # whatever else it says is not heard
            self._serve(connection)
        elif len(connection.request) > limits.METRIC_REQUEST_BYTES:
            self._answer(connection, "431 Request Header Fields Too Large", b"too long\n")

    def _serve(self, connection: _Connection) -> None:
        words = connection.request.split(b"\r\n", 1)[0].split(b"\n", 1)[0].split()
        method, path = (words[0], words[1].partition(b"?")[0]) if len(words) == 3 else (b"", b"")
        if method not in (b"GET", b"HEAD"):
            self._answer(connection, "405 Method Not Allowed", b"GET /metrics\n")
        elif path != b"/metrics":
            self._answer(connection, "404 Not Found", b"GET /metrics\n")
        else:
            self._serve_metrics(connection, is_head=method == b"HEAD")

    def _serve_metrics(self, connection: _Connection, is_head: bool) -> None:
        running = self._machine.running
        differ = self._files.differ(running.configuration.digest) if running else None
        snapshot = self._exposition.take_snapshot(
            self._machine, self._metrics, differ, self._loop.now()
        )

        def then(result: object) -> None:
            if isinstance(result, bytes):
                self._answer(connection, "200 OK", result, self._exposition.CONTENT_TYPE, is_head)
            else:
                why = f"cannot be told: {result}\n".encode()
                self._answer(connection, "500 Internal Server Error", why)

        self._worker.submit(lambda: self._exposition.rendered(snapshot), then)

    def _answer(
        self,
        connection: _Connection,
        status: str,
        body: bytes,
        kind: str = "text/plain; charset=utf-8",
        is_head: bool = False,
    ) -> None:
        if self._closed or connection.sock.fileno() not in self._connections:
            return
        head = (
            f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n"
        )
        connection.answer = head.encode() + (b"" if is_head else body)
        self._watch(connection, WRITE)

    def _watch(self, connection: _Connection, events: int) -> None:
        if connection.watched:
            self._loop.unregister(connection.sock)
        connection.watched = events
        if events:
            self._loop.register(
                connection.sock, events, lambda ready: self._ready(connection, ready)
            )

    def _write(self, connection: _Connection) -> None:
        sent = connection.sock.send(connection.answer)
        connection.answer = connection.answer[sent:]
        if not connection.answer:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_WR)
            self._drop(connection)

    def _drop(self, connection: _Connection) -> None:
        if self._connections.pop(connection.sock.fileno(), None) is None:
            return
        self._watch(connection, 0)
        connection.sock.close()
        self._listen()

    def close(self) -> None:
        """Let everybody go, and remove the socket."""
        self._closed = True
        for connection in list(self._connections.values()):
            self._drop(connection)
        self._pause()
        name = self._listener.getsockname()
        self._listener.close()
        if isinstance(name, str) and name:
            with suppress(OSError):
                os.unlink(name)
