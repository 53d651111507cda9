# SPDX-License-Identifier: LGPL-3.0-or-later
"""P5: after an abort or a dry run every participant's configuration has the digest it had before.

What a module runs changes in the instant of an Apply and in no other; so nobody may apply what has
been aborted or only tried, nobody who has no question open may hold anything staged, and what a
participant says it runs is what its module runs.  Which questions are open is known from what was
said: a Prepare or an Admit opens one, a yes to what is no dry run leaves it open, and a decision of
whom the participant obeys, or any other answer, closes it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.core.results import Outcome, Result
from participant.core.effects import Effect, Validate
from protocol.messages import (
    NOTHING,
    Abort,
    Admit,
    Applied,
    Commit,
    Digest,
    FromCoordinator,
    FromParticipant,
    Join,
    Prepare,
    Vote,
)
from tests.simulation.books import Book
from tests.simulation.clients import Client
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.simulated_process import SimulatedProcess
    from tests.simulation.world import World

_DONE = (Result.REFUSED, Result.VALID)


@dataclass(slots=True)
class _Open:
    """What one incarnation has to answer, or to hear."""

    judging: bool = False
    """Its module has been given something, and it has not answered."""
    admitted: int = 0
    """The generation of an Admit that it has not answered."""
    asked: str = ""
    """The txid of the last Prepare that was no dry run."""
    doubt: str = ""
    """The txid that it has said yes to, and whose decision it has not heard."""


class Untouched(Promise):
    name = "P5"

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.dropped: dict[tuple[Book, str], str] = {}
        self.taken: dict[tuple[Book, str], str] = {}
        self.open: dict[str, _Open] = {}
        """By incarnation."""
        self.heard: tuple[SimulatedProcess, FromCoordinator] | None = None

    def _of(self, host: "SimulatedProcess") -> _Open:
        return self.open.setdefault(host.machine.incarnation, _Open())

    def told(
        self, host: "SimulatedProcess", message: FromCoordinator, effects: tuple[Effect, ...]
    ) -> None:
        found = self._of(host)
        validates = any(isinstance(effect, Validate) for effect in effects)
        if isinstance(message, Admit) and not validates:
            found.admitted = message.generation
            return  # older than what it runs, or the same, or put off until it is free
        if isinstance(message, Prepare) and validates:
            found.asked = "" if message.dry_run else message.txid
        self.heard = (host, message)

    def judges(self, host: "SimulatedProcess") -> None:
        # Not when something is heard: an Admit that was put off is taken up in the very step that
        # answers the Commit before it, and gives the module its configuration with other values.
        self._of(host).judging = True

    def spoke(self, host: "SimulatedProcess", message: FromParticipant) -> None:
        found = self._of(host)
        if isinstance(message, Join | Vote | Applied):
            found.judging = False
        if isinstance(message, Join) or (
            isinstance(message, Applied) and message.ok and message.generation >= found.admitted
        ):
            found.admitted = 0
        if isinstance(message, Vote) and message.yes and message.txid == found.asked:
            found.doubt = message.txid
        if isinstance(message, Join) or (isinstance(message, Applied) and message.ok):
            runs = host.module.running
            if message.digest not in (NOTHING, runs) and not self.world.is_liar(host.name):
                raise self.broken(f"{host} says that it runs something else than it does")

    def answered(self, broker: "SimulatedBroker", client: Client | None, outcome: Outcome) -> None:
        if outcome.result in _DONE and outcome.txid:
            change = broker.book, outcome.txid
            self.dropped[change] = str(outcome.result)
            if change in self.taken:
                raise self.broken(
                    f"{outcome.txid} is {outcome.result}, and {self.taken[change]} runs it"
                )

    def applied(self, host: "SimulatedProcess", authority: Commit | Admit, digest: Digest) -> None:
        if isinstance(authority, Commit):
            change = host.book_of(authority), authority.txid
            self.taken[change] = host.name
            if change in self.dropped:
                was = self.dropped[change]
                raise self.broken(f"{host} applies {authority.txid}, which was {was}")

    def host_stepped(self, host: "SimulatedProcess") -> None:
        found = self._of(host)
        if self.heard is not None and self.heard[0] is host:
            self._closes(host, found, self.heard[1])
        self.heard = None
        answers = found.judging or found.doubt or found.admitted
        if host.module.staged is not None and not answers:
            raise self.broken(f"{host} has nothing to answer, and keeps a candidate staged")

    def _closes(self, host: "SimulatedProcess", found: _Open, message: FromCoordinator) -> None:
        """A decision, or what is in force instead of one, of whom it obeys."""
        fence = self.world.fences.get(host.machine.incarnation)
        if fence is None or (fence.ledger, fence.epoch) != (message.ledger, message.epoch):
            return
        answers = isinstance(message, Admit) and message.session == fence.session
        if answers or (isinstance(message, Abort | Commit) and message.txid == found.doubt):
            found.doubt = ""
