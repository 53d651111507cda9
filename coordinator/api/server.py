# SPDX-License-Identifier: LGPL-3.0-or-later
"""The clients' socket: a unix stream socket, one JSON object a line, each way.

The kernel's peer credentials (unix(7), SO_PEERCRED) tell who is there; what that user may do is
decided elsewhere.  Nothing here blocks, and nobody takes more than a share:

- A client has one request worked on in each turn of the broker's loop, and none while answers to
  earlier ones wait to be read.
- Guests have together a few milliseconds of each turn, and a limit on the answers that wait for all
  of them: beyond it the one that has been reading nothing for longest is let go.
- Where there is no place for one more, the connection of the same kind (owner's or guest's) that
  has been idle for longest makes room, so that programs that keep connections open lock nobody out.
"""

import errno
import json
import os
import selectors
import socket
import time
from collections.abc import Callable

from coordinator.api.access import ClientRole
from coordinator.api.connection import Connection
from coordinator.api.fields import Fields, failure
from coordinator.processes.descriptor_limit import client_places
from protocol import limits
from protocol.reason_code import ReasonCode

VERSION = 1
"""Of the answers' shapes: docs/socket.md."""
_GUESTS_SHARE = 0.75
"""How much of the places guests may take: the owner is never locked out."""
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_PAUSE_SECONDS = 0.1
_ACCEPTS = 64  # new connections in one turn


class ApiServer:
    """Accepts clients, cuts their bytes into requests, and brings answers back."""

    def __init__(
        self,
        path: str,
        selector: selectors.BaseSelector,
        asked: Callable[[Connection, Fields], None],
        gone: Callable[[Connection], None],
        wake_at: Callable[[float], None],
    ) -> None:
        """Bind at `path`, open to all who can reach it.  Raises OSError.

        `wake_at` has `time_passed` called at a moment of the monotonic clock.  Until `admit_by` has
        been called only the owner is let in.
        """
        self._selector = selector
        self._asked = asked
        self._gone = gone
        self._wake_at = wake_at
        self._listening = False
        self._numbers = 0
        self._role_of: Callable[[int], ClientRole] = _owner_only
        self._denied = "only the owner of the broker is let in"
        self._ready: dict[int, Connection] = {}
        """Whose next request is to be worked on in the next turn, in the order of their turns."""
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
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
        selector.register(self._bell, selectors.EVENT_READ, self._turn)

    # Who comes in

    def admit_by(self, role_of: Callable[[int], ClientRole], denied: str) -> None:
        """Judge users by this from now on; `denied` is what those hear who are not let in."""
        self._role_of, self._denied = role_of, denied

    def judge_again(self) -> None:
        """The rules may have changed: let those go who would not be let in now."""
        owner = os.geteuid()
        for client in [client for client in self.clients.values() if client.uid != owner]:
            client.role = self._role_of(client.uid)
            if client.role is ClientRole.STRANGER:
                self._turn_away(client, self._denied, ReasonCode.NOT_OWNER)

    def accept(self, _events: int) -> None:
        """Let in who is waiting; where there is no place they are turned away."""
        for _ in range(_ACCEPTS):
            try:
                sock, _ = self.listener.accept()
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._pause()
                return
            sock.setblocking(False)
            self._numbers += 1
            client = Connection(self._numbers, sock)
            client.role = self._role_of(client.uid)
            why, code = self._why_not(client)
            self.clients[client.number] = client
            self._selector.register(sock, selectors.EVENT_READ, self._handler(client))
            if why:
                self._turn_away(client, why, code)

    def _why_not(self, client: Connection) -> tuple[str, ReasonCode]:
        """Why there is no place for this client; empty where there is."""
        if client.role is ClientRole.STRANGER:
            return self._denied, ReasonCode.NOT_OWNER
        same = [other for other in self.clients.values() if other.role is client.role]
        full = len(self.clients) >= self.places()
        if client.role is ClientRole.GUEST and len(same) >= int(self.places() * _GUESTS_SHARE):
            full = True
        busy = full and not self._make_place(same)
        return "too many clients; try again later" if busy else "", ReasonCode.BUSY

    def places(self) -> int:
        """How many clients there may be."""
        return client_places()

    def _make_place(self, clients: list[Connection]) -> bool:
        """Let the one go that has been idle for longest.  Returns False if none has been for long.

        A client that has just come is about to ask: it is not taken for idle.
        """
        before = time.monotonic() - limits.CLIENT_IDLE_SECONDS
        idle = [client for client in clients if client.is_idle and client.active_at <= before]
        if not idle:
            return False
        longest = min(idle, key=lambda client: client.active_at)
        why = "idle for too long, and others needed the place; connect again"
        self._turn_away(longest, why, ReasonCode.BUSY)
        return True

    def _turn_away(self, client: Connection, why: str, code: ReasonCode) -> None:
        self.answer(client, failure(why, code))
        self.drop(client)

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

    # In

    def _handler(self, client: Connection) -> Callable[[int], None]:
        def handle(events: int) -> None:
            if events & selectors.EVENT_WRITE:
                self._flush(client)
                if client.number in self.clients and not client.out:
                    self.drained(client)
                self.resume(client)
            if events & selectors.EVENT_READ and client.number in self.clients:
                self._read(client)

        return handle

    def _read(self, client: Connection) -> None:
        if not client.read():
            self.drop(client)
            return
        if client.is_too_long:
            self._turn_away(client, "the request is too long", ReasonCode.TOO_LARGE)
            return
        if client.role is ClientRole.OWNER and client.is_ready and client.number not in self._ready:
            self._serve(client)  # the first at once; those behind it take turns
        self.resume(client)

    def resume(self, client: Connection) -> None:
        """Have the client's next request worked on in its turn, where there is one."""
        if client.number not in self.clients:
            return
        if client.is_ready and client.number not in self._ready:
            if not self._ready:
                os.eventfd_write(self._bell, 1)
            self._ready[client.number] = client
        self._look_after(client)

    def _turn(self, _events: int) -> None:
        """One request of each client that has one; of the guests, as many as time allows."""
        os.eventfd_read(self._bell)
        waiting, self._ready = self._ready, {}
        until = time.monotonic() + limits.GUESTS_TURN_SECONDS
        later = {}
        served_guest = False
        for number, client in waiting.items():
            is_guest = client.role is not ClientRole.OWNER
            if is_guest and served_guest and time.monotonic() >= until:
                later[number] = client
                continue
            served_guest = served_guest or is_guest
            if number in self.clients and client.is_ready:
                self._serve(client)
                self.resume(client)
        if later:
            if not self._ready:
                os.eventfd_write(self._bell, 1)
            self._ready = {**later, **self._ready}

    def _serve(self, client: Connection) -> None:
        request = _parsed(client.take_line())
        if isinstance(request, str):
            self.answer(client, failure(request, ReasonCode.BAD_REQUEST))
        else:
            self._asked(client, request)

    # Out

    def answer(self, client: Connection, message: Fields) -> None:
        """Send one line; what the kernel does not take now waits, within a limit."""
        whole = {"version": VERSION, "result": "ok", **message}
        text = json.dumps(whole, separators=(",", ":"), ensure_ascii=False)
        self.write(client, text.encode(errors="replace") + b"\n")

    def write(self, client: Connection, line: bytes) -> None:
        """Send one line that is encoded already."""
        client.out += line
        if len(client.out) > 2 * limits.LINE_BYTES:
            self.drop(client)
            return
        self._flush(client)
        if client.out and client.role is not ClientRole.OWNER:
            self._bound_guests()

    def _bound_guests(self) -> None:
        """Keep what waits for guests within its limit: who reads nothing goes first."""
        slow = [
            client
            for client in self.clients.values()
            if client.out and client.role is not ClientRole.OWNER
        ]
        waiting = sum(len(client.out) for client in slow)
        for client in sorted(slow, key=lambda client: client.active_at):
            if waiting <= limits.GUESTS_ANSWERS_BYTES:
                return
            waiting -= len(client.out)
            self.drop(client)

    def _flush(self, client: Connection) -> None:
        if client.flush():
            self._look_after(client)
        else:
            self.drop(client)

    def _look_after(self, client: Connection) -> None:
        """Watch the socket for what is wanted of it now; for nothing, where nothing is."""
        if client.number not in self.clients:
            return
        wanted = (selectors.EVENT_WRITE if client.out else 0) | (
            selectors.EVENT_READ if client.room else 0
        )
        key = self._selector.get_map().get(client.sock)
        if key is None:
            if wanted:
                self._selector.register(client.sock, wanted, self._handler(client))
        elif not wanted:
            self._selector.unregister(client.sock)
        elif key.events != wanted:
            self._selector.modify(client.sock, wanted, key.data)

    # Ends

    def drop(self, client: Connection) -> None:
        """Let a client go."""
        if self.clients.pop(client.number, None) is None:
            return
        self._ready.pop(client.number, None)
        if client.sock in self._selector.get_map():
            self._selector.unregister(client.sock)
        client.sock.close()
        self._listen()  # its descriptor is free
        self._gone(client)

    def close(self) -> None:
        """Close the socket and let everybody go."""
        for client in list(self.clients.values()):
            self._flush(client)
            self.drop(client)
        self._listen()  # whichever it was: from here on it is not
        self._selector.unregister(self.listener)
        self.listener.close()
        self._selector.unregister(self._bell)
        os.close(self._bell)


def _owner_only(uid: int) -> ClientRole:
    return ClientRole.OWNER if uid == os.geteuid() else ClientRole.STRANGER


def _nothing(_: Connection) -> None:
    """Default `drained` callback: does nothing."""


def _parsed(line: bytes) -> Fields | str:
    """A request, or what is wrong with it."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return "the request is not JSON"
    if not isinstance(request, dict) or not isinstance(request.get("op"), str):
        return "the request is no object with an `op`"
    return request
