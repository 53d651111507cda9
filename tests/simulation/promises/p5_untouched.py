# SPDX-License-Identifier: LGPL-3.0-or-later
"""P5: after an abort or a dry run every participant's configuration has the digest it had before.

What a module runs changes in the instant of an Apply and in no other; so nobody may apply what has
been aborted or only tried, nobody who has no question open may hold anything staged, and what a
machine says it runs is what its module runs.
"""

from typing import TYPE_CHECKING

from coordinator.core.results import Outcome, Result
from protocol.messages import NOTHING, Admit, Commit, Digest
from protocol.transitions import ParticipantState
from tests.simulation.books import Book
from tests.simulation.clients import Client
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.simulated_process import SimulatedProcess
    from tests.simulation.world import World

_DONE = (Result.REFUSED, Result.VALID)
_AT_REST = (ParticipantState.IDLE, ParticipantState.BROKEN)


class Untouched(Promise):
    name = "P5"

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.dropped: dict[tuple[Book, str], str] = {}
        self.taken: dict[tuple[Book, str], str] = {}

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
        machine, author = host.machine, host.module
        if machine.state not in _AT_REST:
            return
        if author.staged is not None:
            raise self.broken(f"{host} is {machine.state} and keeps a candidate staged")
        if machine.state is not ParticipantState.IDLE or machine.digest == NOTHING:
            return  # after a commit that broke it does not say what it runs
        if author.running != machine.digest:
            raise self.broken(f"{host} says that it runs something else than it does")
