# SPDX-License-Identifier: LGPL-3.0-or-later
"""P2: the ledger holds a COMMIT only if every member voted yes to that txid.

Who the members are is read from the members at the moment of asking, not from the decision, and
the votes are those that participants gave, not those that the coordinator counted.

A change that goes back does not need the vote of a member that is not well: one that is gone or cut
off, that does not run what is in force, or that has not answered in time.
"""

from typing import TYPE_CHECKING

from coordinator.core.decisions import Decision
from coordinator.core.operations.confirm import UNDO
from coordinator.core.operations.transaction import Transaction
from coordinator.core.requests import Earlier
from protocol.messages import FromParticipant, Join, Vote
from protocol.transitions import TransactionState
from tests.simulation.books import Book
from tests.simulation.network import Connection
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.simulated_process import SimulatedProcess
    from tests.simulation.world import World


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
        self.asked: dict[Question, dict[str, Connection]] = {}
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

    def thought(self, broker: "SimulatedBroker") -> None:
        change = broker.machine.transaction
        if change is None or change.phase is TransactionState.GATHERING:
            return
        question = broker.book, change.txid
        if question not in self.members:
            self._asks(broker, question)
        if change.phase is TransactionState.FORCING and question not in self.unwell:
            self.unwell[question] = self._unwell(broker, change)

    def _asks(self, broker: "SimulatedBroker", question: Question) -> None:
        named = {one.name for one in broker.machine.members.running()}
        if not broker.is_ready:
            named.update(broker.expected)
        self.members[question] = frozenset(named)
        members = broker.machine.members
        self.asked[question] = {
            member.name: broker.connections[member.peer]
            for member in members.running()
            if member.peer is not None
        }

    def _unwell(self, broker: "SimulatedBroker", change: Transaction) -> frozenset[str]:
        if not isinstance(change.request.proposal, Earlier) and change.request.verb != UNDO:
            return frozenset()
        asked = self.asked[broker.book, change.txid]
        late = self.world.scheduler.now >= change.deadline
        return frozenset(
            name
            for name, connection in asked.items()
            if late or self.world.is_liar(name) or self._is_unwell(broker, connection)
        )

    def _is_unwell(self, broker: "SimulatedBroker", connection: Connection) -> bool:
        host = connection.host
        return (
            not host.alive
            or host.detached
            or broker.machine.members.at(connection.peer) is None
            or host.machine.generation != broker.machine.generation
        )

    def durable(self, book: Book, decision: Decision) -> None:
        question = book, decision.txid
        members = self.members.get(question, frozenset())
        missing = members - set(decision.members)
        if not members.issuperset(decision.members) or not missing <= self.unwell.get(
            question, frozenset()
        ):
            raise self.broken(
                f"{decision.txid} was decided by {sorted(decision.members)}; "
                f"the members were {sorted(members)}"
            )
        for name in decision.members:
            votes = self.votes.get((question, name), [])
            if not votes or not all(votes):
                said = "no" if votes else "nothing"
                raise self.broken(f"{decision.txid} is on disk, and {name} said {said}")
