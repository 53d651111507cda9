# SPDX-License-Identifier: LGPL-3.0-or-later
"""The clients' front over a unix socket: the server that cuts lines and the table that reads them.

It is what `coordinator.broker.Front` asks for; a Flux agent has another one (its `config` service).
"""

from typing import Any

from coordinator.api.connection import Connection
from coordinator.api.dispatch import Dispatcher
from coordinator.api.handle import BrokerHandle
from coordinator.api.server import ApiServer
from coordinator.core.events import HungUp
from coordinator.core.results import Outcome
from coordinator.runtime.directories import RunDirectory
from coordinator.runtime.loop import SelectorLoop

SOCKET = "local"


class UnixFront:
    """JSON lines at RUNDIR/local (docs/json.md)."""

    def __init__(self, rundir: RunDirectory, loop: SelectorLoop) -> None:
        self._rundir = rundir
        self._loop = loop
        self._broker: BrokerHandle | None = None
        self._dispatcher: Dispatcher | None = None
        self._server: ApiServer | None = None

    def open(self, broker: BrokerHandle) -> None:
        """Let clients in, and serve them for `broker`.  Raises OSError."""
        self._broker = broker
        self._dispatcher = Dispatcher(broker)
        path = self._rundir.vacate(SOCKET)
        self._server = ApiServer(
            path, self._loop.selector, self._dispatcher.asked, self._gone, self._wake_at
        )
        self._rundir.own(SOCKET)
        self._dispatcher.open(self._server)

    def answer(self, client: int, answer: Outcome | dict[str, Any]) -> None:
        """Bring a client its answer; it may be gone."""
        if self._dispatcher is not None:
            self._dispatcher.answer(client, answer)

    def look_out(self) -> None:
        """Something may have changed that clients watch."""
        if self._dispatcher is not None:
            self._dispatcher.look_out()

    def close(self) -> None:
        """Let everybody go."""
        if self._server is not None:
            self._server.close()

    def _gone(self, client: Connection) -> None:
        if client.busy and self._broker is not None:
            self._broker.feed(HungUp(client.number))

    def _wake_at(self, moment: float) -> None:
        assert self._server is not None
        self._loop.call_at(moment, self._server.time_passed)
