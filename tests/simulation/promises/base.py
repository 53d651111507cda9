# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a checker is: it overrides the moments that it cares about, and raises when one is wrong."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from coordinator.core.decisions import Decision
from coordinator.core.effects import Step
from coordinator.core.events import Event
from coordinator.core.results import Outcome
from participant.core.effects import Effect
from protocol.messages import Admit, Commit, Digest, FromCoordinator, FromParticipant
from tests.simulation.books import Book
from tests.simulation.clients import Client

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.simulated_process import SimulatedProcess
    from tests.simulation.world import World


class Broken(AssertionError):
    """A promise does not hold; `promise` is its number or name."""

    def __init__(self, promise: str, what: str) -> None:
        super().__init__(f"{promise}: {what}")
        self.promise = promise


class Promise:
    """One checker in one world."""

    name: ClassVar[str]

    def __init__(self, world: "World") -> None:
        self.world = world

    def broken(self, what: str) -> Broken:
        """The exception that says so."""
        return Broken(self.name, what)

    # Moments; what a checker knows it knows from these, and judges no machine by its own fields

    def spoke(self, host: "SimulatedProcess", message: FromParticipant) -> None:
        """A participant said something."""

    def told(
        self,
        host: "SimulatedProcess",
        message: FromCoordinator,
        effects: tuple[Effect, ...],
    ) -> None:
        """A participant has heard something and will do `effects`."""

    def judges(self, host: "SimulatedProcess") -> None:
        """A participant gives its module something to look at, in this instant."""

    def applied(self, host: "SimulatedProcess", authority: Commit | Admit, digest: Digest) -> None:
        """A participant takes a configuration into use, in this instant."""

    def host_stepped(self, host: "SimulatedProcess") -> None:
        """A participant has done what there was to do."""

    def durable(self, book: Book, decision: Decision) -> None:
        """A decision has come to the disk to stay."""

    def started(self, broker: "SimulatedBroker") -> None:
        """A new life has read the ledger and nothing else yet."""

    def thought(self, broker: "SimulatedBroker") -> None:
        """The coordinator's machine has made a step; nothing of it is carried out yet."""

    def wanted(self, broker: "SimulatedBroker", event: Event, step: Step) -> None:
        """The coordinator's machine was told this, and wants that done; nothing of it is yet."""

    def stepped(self, broker: "SimulatedBroker") -> None:
        """A step of the coordinator has been carried out."""

    def answered(self, broker: "SimulatedBroker", client: Client | None, outcome: Outcome) -> None:
        """A client (None: one that hung up) is answered."""

    def ended(self, broker: "SimulatedBroker", lost: bool) -> None:
        """A broker ends of its own accord; `lost`: it had to, without knowing its disk."""

    def settled(self) -> None:
        """All faults are over, and nothing is left to happen."""


class Hooks:
    """For each moment, the checkers that care."""

    def __init__(self, checkers: list[Promise]) -> None:
        self.spoke = _overriding(checkers, "spoke")
        self.told = _overriding(checkers, "told")
        self.judges = _overriding(checkers, "judges")
        self.applied = _overriding(checkers, "applied")
        self.host_stepped = _overriding(checkers, "host_stepped")
        self.durable = _overriding(checkers, "durable")
        self.started = _overriding(checkers, "started")
        self.thought = _overriding(checkers, "thought")
        self.wanted = _overriding(checkers, "wanted")
        self.stepped = _overriding(checkers, "stepped")
        self.answered = _overriding(checkers, "answered")
        self.ended = _overriding(checkers, "ended")
        self.settled = _overriding(checkers, "settled")


def _overriding(checkers: list[Promise], moment: str) -> list[Callable[..., None]]:
    found: list[Any] = [
        getattr(one, moment)
        for one in checkers
        if getattr(type(one), moment) is not getattr(Promise, moment)
    ]
    return found
