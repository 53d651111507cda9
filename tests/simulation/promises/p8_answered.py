# SPDX-License-Identifier: LGPL-3.0-or-later
"""P8: every client is answered within the time allowed for prepare plus for commit.

And plus the time to end a process, where the request was about one.  A client whose broker dies is
answered by the end of its connection; one whose broker is stopped in good order is answered.
"""

from typing import TYPE_CHECKING

from coordinator.core.results import Outcome
from tests.simulation.clients import Client
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker

_SLACK = 1e-6


class Answered(Promise):
    name = "P8"

    def answered(self, broker: "SimulatedBroker", client: Client | None, outcome: Outcome) -> None:
        if client is not None and self.world.scheduler.now > client.due + _SLACK:
            raise self.broken(f"client {client.number} was answered too late")

    def stepped(self, broker: "SimulatedBroker") -> None:
        now = self.world.scheduler.now
        for client in self.world.clients.waiting.values():
            if client.broker is broker and now > client.due + _SLACK:
                raise self.broken(f"client {client.number} is not answered in time")

    def ended(self, broker: "SimulatedBroker", lost: bool) -> None:
        for client in self.world.clients.waiting.values():
            if client.broker is broker and not lost and client.heard:
                raise self.broken(f"{broker} ends without an answer to client {client.number}")

    def settled(self) -> None:
        for number in self.world.clients.waiting:
            raise self.broken(f"client {number} is never answered")
