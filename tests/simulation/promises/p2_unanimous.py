# SPDX-License-Identifier: LGPL-3.0-or-later
"""P2: the ledger holds a COMMIT only if every member voted yes to that txid.

Who the members are at the moment of asking is known from what the coordinator has heard and said
(`tests.simulation.roll`), not from the decision or from its own list; and the votes are those that
participants gave, not those that it counted.  That moment is the line of the log that tells of it.
Mostly Prepare is sent then; not to one that owes an earlier vote, and where all do or there is
nobody, not at all.  Whoever comes to be a member after that, before the decision, is admitted to
what is decided, as it is during any vote.

A change that goes back does not need the vote of a member that is not well: one that is gone or cut
off, that does not run what is in force, or that has not answered in time.
"""

from typing import TYPE_CHECKING

from coordinator.core.decisions import Decision
from coordinator.core.effects import Send, Step, WriteLog
from coordinator.core.events import Event
from coordinator.core.operations.confirm import UNDO
from protocol.messages import FromParticipant, Join, Prepare, Vote
from tests.simulation.books import Book
from tests.simulation.promises.base import Promise
from tests.simulation.roll import Roll

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.simulated_process import SimulatedProcess
    from tests.simulation.world import World

BACK = (UNDO, "rollback")
"""Verbs of changes that go back."""
Question = tuple[Book, str]
"""A transaction: who asks, and its txid."""


class Unanimous(Promise):
    name = "P2"

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.members: dict[Question, frozenset[str]] = {}
        self.known_as: dict[str, dict[str, None]] = {}
        """Names by incarnation: a liar may have said several."""
        self.votes: dict[tuple[Question, str], list[bool]] = {}
        self.rolls: dict[SimulatedBroker, Roll] = {}
        self.asked: dict[Question, dict[str, bytes]] = {}
        """Connections of the members, by name."""
        self.late_at: dict[Question, float] = {}
        self.doubtful: dict[Question, frozenset[str]] = {}
        """Of whom it is not to be seen whether they still are members."""
        self.unwell: dict[Question, frozenset[str]] = {}
        """Of a change that goes back, whose votes are not needed for it."""

    def spoke(self, host: "SimulatedProcess", message: FromParticipant) -> None:
        if isinstance(message, Join):
            self.known_as.setdefault(message.incarnation, {host.name: None})[message.name] = None
        # The first word counts: whoever takes a yes back is a liar, and it was a yes.
        if not isinstance(message, Vote) or host.connection is None:
            return
        if message.yes or not self.world.is_liar(host.name):
            question = host.connection.broker.book, message.txid
            for name in self.known_as.get(message.incarnation, (host.name,)):
                self.votes.setdefault((question, name), []).append(message.yes)

    def wanted(self, broker: "SimulatedBroker", event: Event, step: Step) -> None:
        roll = self.rolls.get(broker)
        if roll is None:
            roll = self.rolls[broker] = Roll(broker.book.last)
        roll.step(event, step.effects)
        for effect in step.effects:
            if isinstance(effect, Send) and isinstance(effect.message, Prepare):
                question = broker.book, effect.message.txid
                late_at = self.world.scheduler.now + effect.message.allowed
                self._asks(broker, roll, question)
                self.late_at.setdefault(question, late_at)
            elif isinstance(effect, WriteLog) and effect.event == "prepare":
                self._asks(broker, roll, (broker.book, dict(effect.fields)["txid"]))
        if step.force is not None:
            question = broker.book, step.force.txid
            self._asks(broker, roll, question)
            if step.force.verb in BACK:
                self.unwell[question] |= self._unwell(broker, roll, question)
            else:
                self.unwell[question] = frozenset()

    def _asks(self, broker: "SimulatedBroker", roll: Roll, question: Question) -> None:
        if question in self.members:
            return
        members = roll.members()
        named = set(members)
        if not broker.is_ready:
            named.update(broker.expected)
        self.members[question] = frozenset(named)
        self.doubtful[question] = frozenset(roll.killed)
        self.asked[question] = members
        self.unwell[question] = frozenset(
            name for name, peer in members.items() if not roll.is_well(name, peer)
        )

    def _unwell(self, broker: "SimulatedBroker", roll: Roll, question: Question) -> frozenset[str]:
        # The time allowed is a difference, so that the sum may be a little beyond the deadline.
        late = self.world.scheduler.now >= self.late_at.get(question, 0.0) - 1e-9
        return frozenset(
            name
            for name, peer in self.asked[question].items()
            if late
            or self.world.is_liar(name)
            or not roll.is_well(name, peer)
            or _is_gone(broker.connections[peer].host)
        )

    def durable(self, book: Book, decision: Decision) -> None:
        question = book, decision.txid
        members = self.members.get(question, frozenset())
        doubtful = self.doubtful.get(question, frozenset()) | set(self.world.liars)
        missing = members - set(decision.members) - doubtful
        strangers = set(decision.members) - members - doubtful
        if strangers or not missing <= self.unwell.get(question, frozenset()):
            raise self.broken(
                f"{decision.txid} was decided by {sorted(decision.members)}; "
                f"the members were {sorted(members)}"
            )
        for name in decision.members:
            votes = self.votes.get((question, name), [])
            if not votes or not all(votes):
                said = "no" if votes else "nothing"
                raise self.broken(f"{decision.txid} is on disk, and {name} said {said}")


def _is_gone(host: "SimulatedProcess") -> bool:
    return not host.alive or host.detached
