# SPDX-License-Identifier: LGPL-3.0-or-later
"""P3: no participant ever applies, for an instant, a candidate that a member rejected.

Whichever ledger asked: what a Commit has a participant apply is the candidate that it was asked
about, and that may have been the question of another ledger than the one that commits.

Whoever has lost its vote on a change that goes back is no member of it, and P2 looks at who that
may be.
"""

from typing import TYPE_CHECKING

from protocol.messages import Admit, Commit, Digest, FromCoordinator, FromParticipant, Prepare, Vote
from tests.simulation.books import Book
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from participant.core.effects import Effect
    from tests.simulation.simulated_process import SimulatedProcess
    from tests.simulation.world import World

Question = tuple[Book, str]
"""A transaction: who asked, and its txid."""


class NeverRejected(Promise):
    name = "P3"

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.asked: dict[str, dict[str, Question]] = {}
        """The last question about each digest, by incarnation."""
        self.noes: dict[Question, list[str]] = {}

    def told(
        self,
        host: "SimulatedProcess",
        message: FromCoordinator,
        effects: "tuple[Effect, ...]",
    ) -> None:
        # A word of a former coordinator that comes late is ignored, and is no question
        if isinstance(message, Prepare) and effects:
            questions = self.asked.setdefault(host.machine.incarnation, {})
            questions[message.digest] = (host.book_of(message), message.txid)

    def spoke(self, host: "SimulatedProcess", message: FromParticipant) -> None:
        if not isinstance(message, Vote) or message.yes or self.world.is_liar(host.name):
            return
        for question in self.asked.get(host.machine.incarnation, {}).values():
            if question[1] == message.txid:
                self.noes.setdefault(question, []).append(host.name)

    def applied(self, host: "SimulatedProcess", authority: Commit | Admit, digest: Digest) -> None:
        book = host.book_of(authority)
        decision = book.decisions.get(authority.generation)
        questions = [(book, decision.txid)] if decision is not None else []
        if isinstance(authority, Commit):
            questions.append((book, authority.txid))
            asked = self.asked.get(host.machine.incarnation, {}).get(digest)
            questions.extend([asked] if asked is not None else [])
        for question in questions:
            for name in self.noes.get(question, ()):
                if _is_member(name, *question):
                    txid, asker = question[1], question[0]
                    raise self.broken(f"{host} applies {txid} of {asker}; {name} rejected it")


def _is_member(name: str, book: Book, txid: str) -> bool:
    for decision in book.decisions.values():
        if decision.txid == txid and decision.verb in ("undo", "rollback"):
            return name in decision.members
    return True
