# SPDX-License-Identifier: LGPL-3.0-or-later
"""Clients that are told what happens as it happens: the log (`dmesg -f`), messages (`trace`).

A client that does not read is not waited for: what comes meanwhile is left out, and how much that
was is said before the next that it gets.
"""

from collections.abc import Callable
from dataclasses import dataclass

from coordinator.api.connection import Connection
from coordinator.api.fields import Fields
from coordinator.api.server import ApiServer
from protocol import limits

Wanted = Callable[[Fields], Fields | None]
"""What a follower is told of something that happened; None for nothing."""


@dataclass(slots=True)
class _Follower:
    wanted: Wanted
    lost: int = 0
    """How much was left out since it was told something last."""


class Feed:
    """What happens, of one kind, and who wants to know."""

    def __init__(self) -> None:
        self._server: ApiServer | None = None
        self._followers: dict[int, _Follower] = {}

    def open(self, server: ApiServer) -> None:
        """From now on there may be followers."""
        self._server = server

    @property
    def followed(self) -> bool:
        """Whether anybody wants to know."""
        return bool(self._followers)

    def count(self) -> int:
        """How many follow."""
        server = self._server
        gone = self._followers.keys() - (server.clients.keys() if server is not None else ())
        for number in gone:
            del self._followers[number]
        return len(self._followers)

    def add(self, client: Connection, wanted: Wanted) -> None:
        """Tell `client` what happens from now on, as far as it is wanted."""
        self._followers[client.number] = _Follower(wanted)

    def publish(self, happened: Fields) -> None:
        """Tell all followers."""
        server = self._server
        if server is None:
            return
        for number, follower in list(self._followers.items()):
            client = server.clients.get(number)
            if client is None:
                self._followers.pop(number, None)
                continue
            told = follower.wanted(happened)
            if told is None:
                continue
            if len(client.out) > limits.ANSWERS_WAITING_BYTES:
                follower.lost += 1
                continue
            if follower.lost:
                server.answer(client, {"lost": follower.lost})
                follower.lost = 0
            server.answer(client, told)
