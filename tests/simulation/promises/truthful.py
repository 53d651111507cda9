# SPDX-License-Identifier: LGPL-3.0-or-later
"""Not a numbered promise, but what they are worth nothing without: that what is said is so.

A client that is told "committed" can rely on the disk and on every member; one that is told
"refused" can rely on there being no such generation.  A member that counts as running a generation
has applied it, in this incarnation.
"""

from typing import TYPE_CHECKING

from coordinator.core.members import MemberState
from coordinator.core.results import Outcome, Result
from tests.simulation.clients import Client
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker

_COMMITTED = (Result.COMMITTED, Result.PARTIAL)


class Truthful(Promise):
    name = "truth"

    def answered(self, broker: "SimulatedBroker", client: Client | None, outcome: Outcome) -> None:
        if not outcome.txid:
            return
        held = {decision.txid: decision for decision in broker.book.decisions.values()}
        if outcome.result in _COMMITTED and outcome.txid not in held:
            raise self.broken(f"{outcome.txid} is called {outcome.result}; no ledger holds it")
        if outcome.result in (Result.REFUSED, Result.VALID) and outcome.txid in held:
            raise self.broken(f"{outcome.txid} is called {outcome.result}; the ledger holds it")
        if outcome.result is Result.UNCHANGED:
            self._all_run(broker, outcome)
        if outcome.result is Result.COMMITTED:
            decision = held[outcome.txid]
            for name in decision.members:
                lives = self.world.lives_of(name)
                if not self.world.is_liar(name) and not any(
                    (broker.book, decision.generation) in one for one in lives
                ):
                    raise self.broken(f"{outcome.txid} is called committed; {name} never ran it")

    def _all_run(self, broker: "SimulatedBroker", outcome: Outcome) -> None:
        """Whoever is not named runs it, in the life that it has now."""
        for member in broker.machine.members:
            out = member.state in (MemberState.REFUSED, MemberState.LEAVING)
            if member.state is MemberState.STARTING and member.since == self.world.scheduler.now:
                continue  # loaded by whoever was next, in the same step
            if out or member.name in outcome.not_applied or self.world.is_liar(member.name):
                continue
            life = self.world.lives.get(member.incarnation, {})
            if (broker.book, outcome.generation) not in life:
                raise self.broken(
                    f"a client is told that nothing changes, and not that {member.name} does not "
                    f"run generation {outcome.generation}"
                )

    def thought(self, broker: "SimulatedBroker") -> None:
        for member in broker.machine.members:
            if member.state is not MemberState.RUNNING or self.world.is_liar(member.name):
                continue
            life = self.world.lives.get(member.incarnation)
            if life is None or life.get((broker.book, member.generation)) != member.digest:
                raise self.broken(
                    f"{broker} counts {member.name} as running generation {member.generation}, "
                    "which it has not applied"
                )
