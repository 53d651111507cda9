# SPDX-License-Identifier: LGPL-3.0-or-later
"""Not a numbered promise: what a member warns of is heard.

A change that is committed, or would be, comes back with every warning that came with a yes to it;
and a strict one is not committed while there is any (but a liar's, whose yes without one may have
been what was heard).  On the way back a vote that comes too late is
no vote, and its warning none either.
"""

from typing import TYPE_CHECKING

from coordinator.core.decisions import Decision
from coordinator.core.results import Outcome, Result
from protocol.messages import FromParticipant, Vote
from tests.simulation.books import Book
from tests.simulation.clients import Client
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.simulated_process import SimulatedProcess
    from tests.simulation.world import World

_ACCEPTED = (Result.COMMITTED, Result.PARTIAL, Result.VALID)


class Warned(Promise):
    name = "warnings"

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.warned: dict[tuple[Book, str], set[str]] = {}
        self.strict: set[tuple[Book, str]] = set()

    def spoke(self, host: "SimulatedProcess", message: FromParticipant) -> None:
        if isinstance(message, Vote) and message.warnings and host.connection is not None:
            question = host.connection.broker.book, message.txid
            self.warned.setdefault(question, set()).add(host.name)

    def thought(self, broker: "SimulatedBroker") -> None:
        change = broker.machine.transaction
        if change is not None and change.request.strict:
            self.strict.add((broker.book, change.txid))

    def durable(self, book: Book, decision: Decision) -> None:
        question = book, decision.txid
        warned = self.warned.get(question, set()).intersection(decision.members)
        for name in sorted(warned) if question in self.strict else ():
            if not self.world.is_liar(name):
                raise self.broken(f"{decision.txid} is strict and on disk, and {name} warned of it")

    def answered(self, broker: "SimulatedBroker", client: Client | None, outcome: Outcome) -> None:
        if outcome.result not in _ACCEPTED:
            return
        warned = self.warned.get((broker.book, outcome.txid), set())
        for decision in broker.book.decisions.values():
            if decision.txid == outcome.txid:
                warned = warned.intersection(decision.members)
        missing = warned - {reason.module for reason in outcome.warnings}
        for name in sorted(missing):
            if not self.world.is_liar(name):
                raise self.broken(f"{name} warned of {outcome.txid}, and the client is not told")
