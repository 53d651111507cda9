# SPDX-License-Identifier: LGPL-3.0-or-later
"""A change that a member could not apply is undone, where the coordinator was made to do that.

Nobody is told that it stands, the undo comes next whatever waits, it leads to what ran before, and
no death of the coordinator makes it forgotten.
"""

from typing import TYPE_CHECKING

from coordinator.core.operations.confirm import UNDO
from coordinator.core.results import Outcome, Result
from tests.simulation.clients import Client
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker

_BROKE = "failed in commit"
_YET = ("could not be undone yet", "not undone yet")


class Undone(Promise):
    name = "undone"

    def answered(self, broker: "SimulatedBroker", client: Client | None, outcome: Outcome) -> None:
        if not self.world.setting.undo_failures:
            return
        if outcome.result is Result.UNDONE:
            self._next_is_the_undo(broker, outcome)
        said = [reason.message for reason in outcome.reasons]
        if outcome.result is Result.PARTIAL and any(text.startswith(_BROKE) for text in said):
            decided = {one.txid: one for one in broker.book.decisions.values()}
            change = decided.get(outcome.txid)
            stands = change is not None and change.verb != UNDO and change.generation > 1
            if stands and not any(text in "; ".join(said) for text in _YET):
                raise self.broken(f"{outcome.txid} stands, and a member could not apply it")

    def _next_is_the_undo(self, broker: "SimulatedBroker", outcome: Outcome) -> None:
        decisions = broker.book.decisions
        (number,) = (one.generation for one in decisions.values() if one.txid == outcome.txid)
        following, before = decisions.get(number + 1), decisions.get(number - 1)
        if following is None or following.verb != UNDO:
            raise self.broken(f"{outcome.txid} is called undone, and something else came next")
        if before is not None and following.configuration != before.configuration:
            raise self.broken(f"{outcome.txid} is called undone, and what came next is not before")

    def settled(self) -> None:
        broker = self.world.broker
        if broker is None or not self.world.setting.undo_failures:
            return
        shared = broker.machine.shared
        if shared.failed_change is not None:
            raise self.broken("what a member could not apply is not undone")
        if shared.provisional is not None or broker.ledger.provisional() is not None:
            raise self.broken("nobody has looked whether all could apply what is in force")
