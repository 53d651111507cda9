# SPDX-License-Identifier: LGPL-3.0-or-later
"""The clients' door on ranks that have no coordinator: lines go to rank 0's, and answers come back.

Only the owner is let in here: rank 0 cannot ask its kernel who is on the other end, and takes a
relayed request for its own user's, who is the owner of the instance.
"""

import json
import selectors
import socket
from typing import Any

from coordinator.api.connection import Connection
from coordinator.api.fields import failure
from coordinator.api.server import ApiServer
from coordinator.runtime.directories import RunDirectory
from coordinator.runtime.loop import SelectorLoop
from fluxcore.framing import HANG_UP, LINE
from fluxcore.handle import Failure, Flux, Request, parsed
from protocol.reason_code import ReasonCode

_ENODATA, _EPROTO, _ECONNREFUSED = 61, 71, 111
_CHUNK = 256 * 1024


class RelayDoor:
    """The socket of a rank whose coordinator is elsewhere."""

    def __init__(self, flux: Flux, loop: SelectorLoop, rundir: RunDirectory) -> None:
        """Raises OSError."""
        self._flux = flux
        self._rundir = rundir
        path = rundir.vacate("local")
        self._loop = loop
        self._server = ApiServer(path, loop.selector, self._asked, self._gone, self._wake_at)
        rundir.own("local")

    def _wake_at(self, moment: float) -> None:
        self._loop.call_at(moment, self._server.time_passed)

    def _key(self, client: Connection) -> str:
        return f"{self._flux.rank}.{client.number}"

    def _asked(self, client: Connection, request: dict[str, Any]) -> None:
        client.busy = True
        fields = {"key": self._key(client), "line": json.dumps(request)}

        def answered(answer: Any) -> None:
            if client.number not in self._server.clients:
                return
            if not isinstance(answer, Failure):
                self._server.answer(client, json.loads(answer["line"]))
            elif answer.number != _ENODATA:
                why = f"rank 0: {answer.text}"
                self._server.answer(client, failure(why, ReasonCode.FAULT))
            client.busy = False
            self._server.resume(client)

        self._flux.stream(LINE, fields, answered, rank=0)

    def _gone(self, client: Connection) -> None:
        self._flux.ask(HANG_UP, {"key": self._key(client)}, _nothing, rank=0)

    def close(self) -> None:
        """Let everybody go."""
        self._server.close()
        self._rundir.close()


class RelayedClients:
    """Rank 0's end: a connection to its own door for each client elsewhere."""

    def __init__(self, flux: Flux, loop: SelectorLoop, path: str) -> None:
        """`path` is that of the door's socket."""
        self._selector = loop.selector
        self._path = path
        self._clients: dict[str, _RelayedClient] = {}
        flux.serve(LINE, self._line)
        flux.serve(HANG_UP, self._hung_up)

    def _line(self, request: Request) -> None:
        try:
            fields = parsed(request.text)
            key, line = str(fields["key"]), str(fields["line"])
        except (ValueError, KeyError, TypeError):
            request.refuse(_EPROTO, "that is no line that an agent relays")
            return
        client = self._clients.get(key)
        if client is None or client.ended:
            try:
                client = _RelayedClient(self._selector, self._path)
            except OSError as error:
                request.refuse(_ECONNREFUSED, error.strerror or "no door")
                return
            self._clients[key] = client
        client.ask(request, line)

    def _hung_up(self, request: Request) -> None:
        client = self._clients.pop(str((parsed(request.text) or {}).get("key")), None)
        if client is not None:
            client.close()
        request.answer()


class _RelayedClient:
    """Bytes out and lines in, without ever waiting: the door is served by the same loop."""

    def __init__(self, selector: selectors.BaseSelector, path: str) -> None:
        self._selector = selector
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(path)
        self._socket.setblocking(False)
        self._out, self._in = bytearray(), bytearray()
        self._request: Request | None = None
        self.ended = False
        selector.register(self._socket, selectors.EVENT_READ, self._ready)

    def ask(self, request: Request, line: str) -> None:
        """Send a line; what comes from now on answers this request."""
        if self._request is not None:
            self._request.refuse(_ENODATA, "the next request has come")
        self._request = request
        self._out += line.encode() + b"\n"
        self._flush()

    def _ready(self, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            self._flush()
        if events & selectors.EVENT_READ:
            self._read()

    def _flush(self) -> None:
        try:
            while self._out:
                del self._out[: self._socket.send(self._out)]
        except BlockingIOError:
            pass
        except OSError:
            return  # the reading side finds it closed, and says so
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)
        self._selector.modify(self._socket, wanted, self._ready)

    def _read(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._in += data
        while b"\n" in self._in:
            line, _, rest = self._in.partition(b"\n")
            self._in = bytearray(rest)
            if self._request is not None:
                self._request.answer({"line": line.decode()})
        if not data:
            self.close()

    def close(self) -> None:
        """Hang up."""
        if self.ended:
            return
        self.ended = True
        if self._request is not None:
            self._request.refuse(_ENODATA, "the connection has ended")
        self._selector.unregister(self._socket)
        self._socket.close()


def _nothing(_: Any) -> None:
    """Nobody waits for that answer."""
