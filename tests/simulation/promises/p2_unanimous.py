# SPDX-License-Identifier: LGPL-3.0-or-later
"""P2: the ledger holds a COMMIT only if every member voted yes to that txid.

Who the members are is taken from the roster at the moment of asking, not from the decision, and
the votes are those that participants gave, not those that the coordinator counted.
"""

from typing import TYPE_CHECKING

from coordinator.core.decisions import Decision
from protocol.messages import FromParticipant, Join, Vote
from protocol.transitions import TransactionState
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.simulated_process import SimulatedProcess
    from tests.simulation.world import World


class Unanimous(Promise):
    name = "P2"

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.members: dict[str, frozenset[str]] = {}
        self.known_as: dict[str, dict[str, None]] = {}
        """Names by incarnation: a liar may have said several."""
        self.votes: dict[tuple[str, str], list[bool]] = {}

    def spoke(self, host: "SimulatedProcess", message: FromParticipant) -> None:
        if isinstance(message, Join):
            self.known_as.setdefault(message.incarnation, {host.name: None})[message.name] = None
        # The first word counts: whoever takes a yes back is a liar, and it was a yes.
        if isinstance(message, Vote) and (message.yes or not self.world.is_liar(host.name)):
            for name in self.known_as.get(message.incarnation, (host.name,)):
                self.votes.setdefault((message.txid, name), []).append(message.yes)

    def thought(self, broker: "SimulatedBroker") -> None:
        change = broker.machine.transaction
        if (
            change is None
            or change.txid in self.members
            or change.phase is TransactionState.GATHERING
        ):
            return
        named = {one.name for one in broker.machine.members.running()}
        if not broker.is_ready:
            named.update(broker.expected)
        self.members[change.txid] = frozenset(named)

    def durable(self, decision: Decision) -> None:
        members = self.members.get(decision.txid, frozenset())
        if members != set(decision.members):
            raise self.broken(
                f"{decision.txid} was decided by {sorted(decision.members)}; "
                f"the members were {sorted(members)}"
            )
        for name in decision.members:
            votes = self.votes.get((decision.txid, name), [])
            if not votes or not all(votes):
                said = "no" if votes else "nothing"
                raise self.broken(f"{decision.txid} is on disk, and {name} said {said}")
