# SPDX-License-Identifier: LGPL-3.0-or-later
"""Clients that are told every committed generation, for as long as they stay.

They hear of nothing but what the machine says is in force, so never of a candidate.  One that does
not read is not waited for: nothing more is written to it until it has read what it has, and then it
gets the latest generation, without those in between.
"""

import json

from coordinator.api.access import ClientRole
from coordinator.api.connection import Connection
from coordinator.api.fields import Fields
from coordinator.api.lookup import Lookup
from coordinator.api.server import ApiServer
from coordinator.core.decisions import Durable
from protocol.keys import Path


class Watchers:
    """Who watches what."""

    def __init__(self, server: ApiServer, lookup: Lookup) -> None:
        self._server = server
        self._lookup = lookup
        self._paths: dict[int, Path] = {}
        self._behind: set[int] = set()
        self._latest: Durable | None = None
        self._lines: dict[tuple[Path, bool], bytes] = {}

    def add(self, client: Connection, path: Path, running: Durable) -> None:
        """Tell `client` the value at `path` now, and whenever a generation is committed."""
        self._note(running)
        self._paths[client.number] = path
        self._tell(client, path)

    def count(self) -> int:
        """How many watch."""
        self._forget_gone()
        return len(self._paths)

    def _forget_gone(self) -> None:
        for number in self._paths.keys() - self._server.clients.keys():
            del self._paths[number]
            self._behind.discard(number)

    def committed(self, running: Durable) -> None:
        """This generation is in force now."""
        if not self._paths:
            return
        self._note(running)
        self._forget_gone()
        for number, path in list(self._paths.items()):
            client = self._server.clients.get(number)
            if client is None:
                continue  # let go just now, to make room for what another is told
            if client.out:
                self._behind.add(number)
            else:
                self._tell(client, path)

    def drained(self, client: Connection) -> None:
        """A client has read what it was slow to read."""
        if client.number in self._behind:
            self._behind.discard(client.number)
            self._tell(client, self._paths[client.number])

    def _note(self, running: Durable) -> None:
        if running is not self._latest:
            self._latest = running
            self._lines.clear()  # they are encoded once, however many watch the same

    def _tell(self, client: Connection, path: Path) -> None:
        wanted = path, client.role is ClientRole.OWNER
        if wanted not in self._lines:
            assert self._latest is not None
            self._lines[wanted] = self._line(self._latest, *wanted)
        self._server.write(client, self._lines[wanted])

    def _line(self, running: Durable, path: Path, is_owner: bool) -> bytes:
        fields: Fields = {
            "version": 1,
            "result": "ok",
            "generation": running.generation,
            "digest": running.configuration.digest,
            "at": running.committed_at_wall,
        }
        try:
            fields |= {"set": True, "value": self._lookup.at(running, path, is_owner)}
        except KeyError:
            fields["set"] = False
        return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
