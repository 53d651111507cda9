# SPDX-License-Identifier: LGPL-3.0-or-later
"""The clients' door: a unix stream socket, one JSON object a line, each way.

The kernel's peer credentials (unix(7), SO_PEERCRED) tell who is there.  Anybody who can reach the
socket may read; only the owner may change.  Nothing here blocks: a client that does not read its
answers is let go when too much is waiting for it.
"""

import errno
import json
import os
import resource
import selectors
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from protocol import limits

_CREDENTIALS = struct.Struct("3i")
_CHUNK = 256 * 1024
_GUESTS_SHARE = 0.75
"""How much of the places guests may take: the owner is never locked out."""
_DESCRIPTORS_SHARE = 0.75
"""How many of the process's descriptors clients may take; modules and files need some, too."""
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE_SECONDS = 0.1


class Connection:
    """One connection.  `busy` while its request is being worked on."""

    __slots__ = ("buffer", "busy", "number", "out", "pid", "sock", "uid")

    def __init__(self, number: int, sock: socket.socket) -> None:
        self.number = number
        self.sock = sock
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        self.pid, self.uid, _ = _CREDENTIALS.unpack(raw)
        self.buffer = bytearray()
        self.out = bytearray()
        self.busy = False


class ApiServer:
    """Accepts clients, cuts their bytes into requests, and brings answers back."""

    def __init__(
        self,
        path: str,
        selector: selectors.BaseSelector,
        asked: Callable[[Connection, dict[str, Any]], None],
        gone: Callable[[Connection], None],
        wake_at: Callable[[float], None],
    ) -> None:
        """Bind at `path`, open to all who can reach it.  Raises OSError.

        `wake_at` has `time_passed` called at a moment of the monotonic clock.
        """
        self._selector = selector
        self._asked = asked
        self._gone = gone
        self._wake_at = wake_at
        self._listening = False
        self._numbers = 0
        self.drained: Callable[[Connection], None] = _nothing
        """Called when a client has read what it was slow to read."""
        self.path = path
        self.clients: dict[int, Connection] = {}
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.setblocking(False)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(128)
        self._listen()

    def accept(self, _events: int) -> None:
        """Let in who is waiting; where there is no place they are turned away."""
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._pause()
                return
            sock.setblocking(False)
            self._numbers += 1
            client = Connection(self._numbers, sock)
            if not self._has_place(client):
                self.answer(client, {"error": "too many clients; try again later"})
                sock.close()
                continue
            self.clients[client.number] = client
            handler = self._handler(client)
            self._selector.register(sock, selectors.EVENT_READ, handler)

    def _has_place(self, client: Connection) -> bool:
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        places = limits.CLIENTS
        if descriptors != resource.RLIM_INFINITY:
            places = min(places, int(descriptors * _DESCRIPTORS_SHARE))
        if len(self.clients) >= places:
            return False
        owner = os.geteuid()
        if client.uid == owner:
            return True
        guests = sum(1 for one in self.clients.values() if one.uid != owner)
        return guests < int(places * _GUESTS_SHARE)

    def _listen(self) -> None:
        if not self._listening:
            self._selector.register(self.listener, selectors.EVENT_READ, self.accept)
            self._listening = True

    def _pause(self) -> None:
        """Out of descriptors: who waits would keep the loop awake, and cannot be served."""
        self._selector.unregister(self.listener)
        self._listening = False
        self._wake_at(time.monotonic() + _PAUSE_SECONDS)

    def time_passed(self) -> None:
        """Time has passed; what was short may be there again."""
        self._listen()

    def _handler(self, client: Connection) -> Callable[[int], None]:
        def handle(events: int) -> None:
            if events & selectors.EVENT_WRITE:
                self._flush(client)
                if client.number in self.clients and not client.out:
                    self.drained(client)
            if events & selectors.EVENT_READ and client.number in self.clients:
                self._read(client)

        return handle

    # In

    def _read(self, client: Connection) -> None:
        try:
            data = client.sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.drop(client)
            return
        client.buffer += data
        owner = client.uid == os.geteuid()
        if len(client.buffer) > (limits.LINE_BYTES if owner else limits.GUEST_LINE_BYTES):
            self.answer(client, {"error": "the request is too long"})
            self.drop(client)
            return
        if b"\n" in data:
            self.next_request(client)

    def next_request(self, client: Connection) -> None:
        """Work on the next whole line, unless one is in work already."""
        while not client.busy and client.number in self.clients:
            line, newline, rest = client.buffer.partition(b"\n")
            if not newline:
                return
            client.buffer = rest
            request = _parsed(bytes(line))
            if isinstance(request, str):
                self.answer(client, {"error": request})
            else:
                self._asked(client, request)

    # Out

    def answer(self, client: Connection, message: dict[str, Any]) -> None:
        """Send one line; what the kernel does not take now waits, within a limit."""
        text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
        self.write(client, text.encode(errors="replace") + b"\n")

    def write(self, client: Connection, line: bytes) -> None:
        """Send one line that is encoded already."""
        client.out += line
        if len(client.out) > 2 * limits.LINE_BYTES:
            self.drop(client)
        else:
            self._flush(client)

    def _flush(self, client: Connection) -> None:
        while client.out:
            try:
                sent = client.sock.send(client.out)
            except BlockingIOError:
                break
            except OSError:
                self.drop(client)
                return
            del client.out[:sent]
        if client.number in self.clients:
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            wanted = both if client.out else selectors.EVENT_READ
            key = self._selector.get_key(client.sock)
            if key.events != wanted:
                self._selector.modify(client.sock, wanted, key.data)

    # Ends

    def drop(self, client: Connection) -> None:
        """Let a client go."""
        if self.clients.pop(client.number, None) is None:
            return
        self._selector.unregister(client.sock)
        client.sock.close()
        self._listen()  # its descriptor is free
        self._gone(client)

    def close(self) -> None:
        """Close the door and let everybody go."""
        for client in list(self.clients.values()):
            self._flush(client)
            self.drop(client)
        self._listen()  # whichever it was: from here on it is not
        self._selector.unregister(self.listener)
        self.listener.close()


def _nothing(_: Connection) -> None:
    """Most clients are just let go on."""


def _parsed(line: bytes) -> dict[str, Any] | str:
    """A request, or what is wrong with it."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return "the request is not JSON"
    if not isinstance(request, dict) or not isinstance(request.get("op"), str):
        return "the request is no object with an `op`"
    return request
