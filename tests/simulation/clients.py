# SPDX-License-Identifier: LGPL-3.0-or-later
"""Clients: who asked what, until when an answer is due, and what it was."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.core.events import Asked, HungUp, Inquired
from coordinator.core.requests import ChangeRequest, Request
from coordinator.core.results import Outcome
from protocol import limits

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.world import World


@dataclass(slots=True)
class Client:
    """One client that waits for one answer."""

    number: int
    broker: "SimulatedBroker"
    request: Request | None
    """None: it only wants to hear from a module how it is."""
    due: float
    heard: bool = False
    """Whether the broker has read the request; one that has just ended never will."""


class Clients:
    """All who wait."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.waiting: dict[int, Client] = {}
        self.last: tuple[int, Outcome] | None = None
        self._made = 0

    def ask(self, request: Request, words: str) -> int:
        """A new client asks the broker, if there is one to ask; its number, or 0."""
        broker, now = self.world.broker, self.world.scheduler.now
        if broker is None or not broker.alive or not broker.is_ready:
            return 0
        self._made += 1
        due = now + request.seconds + limits.COMMIT_SECONDS + limits.SHUTDOWN_SECONDS
        if self.world.setting.undo_failures and isinstance(request, ChangeRequest):
            due += limits.PREPARE_SECONDS + limits.COMMIT_SECONDS  # it may be undone, too
        self.waiting[self._made] = Client(self._made, broker, request, due)
        self.world.tell("client {} {}", self._made, words)
        broker.feed(Asked(self._made, request))
        return self._made

    def inquire(self, name: str, seconds: float) -> None:
        """A new client wants to hear from a module."""
        broker = self.world.broker
        if broker is None or not broker.alive or not broker.is_ready:
            return
        self._made += 1
        due = self.world.scheduler.now + seconds
        self.waiting[self._made] = Client(self._made, broker, None, due)
        broker.feed(Inquired(self._made, name, seconds))

    def told(self, number: int) -> None:
        """The broker has said how a module is, or that it does not know."""
        self.waiting.pop(number, None)

    def heard(self, number: int) -> None:
        """The broker has read a request."""
        if number in self.waiting:
            self.waiting[number].heard = True

    def answered(self, broker: "SimulatedBroker", number: int, outcome: Outcome) -> None:
        """The broker has answered."""
        client = self.waiting.pop(number, None)
        self.world.tell("client {} is told: {} (generation {}){}", number, outcome.result,
                        outcome.generation,
                        "" if not outcome.reasons else f": {outcome.reasons[0]}")  # fmt: skip
        self.last = (number, outcome)
        for hook in self.world.hooks.answered:
            hook(broker, client, outcome)

    def hang_up(self, which: int) -> None:
        """One of those who wait goes away."""
        if self.waiting:
            number = list(self.waiting)[which % len(self.waiting)]
            client = self.waiting.pop(number)
            self.world.tell("client {} hangs up", number)
            client.broker.feed(HungUp(number))

    def forgive(self, broker: "SimulatedBroker", seconds: float) -> None:
        """A broker that does not run cannot answer; nobody promised that."""
        for client in self.waiting.values():
            if client.broker is broker:
                client.due += seconds

    def cut(self, broker: "SimulatedBroker") -> None:
        """The broker is gone, and those who waited for it see their connection end."""
        for number, client in list(self.waiting.items()):
            if client.broker is broker:
                del self.waiting[number]
