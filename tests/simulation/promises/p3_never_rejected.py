# SPDX-License-Identifier: LGPL-3.0-or-later
"""P3: no participant ever applies, for an instant, a candidate that a member rejected.

Whoever has lost its vote on a change that goes back is no member of it, and P2 looks at who that
may be.
"""

from typing import TYPE_CHECKING

from protocol.messages import Admit, Commit, Digest, FromParticipant, Vote
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_process import SimulatedProcess
    from tests.simulation.world import World


class NeverRejected(Promise):
    name = "P3"

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.noes: dict[str, list[str]] = {}

    def spoke(self, host: "SimulatedProcess", message: FromParticipant) -> None:
        honest = not self.world.is_liar(host.name)
        if isinstance(message, Vote) and not message.yes and honest:
            self.noes.setdefault(message.txid, []).append(host.name)

    def applied(self, host: "SimulatedProcess", authority: Commit | Admit, digest: Digest) -> None:
        txid = authority.txid if isinstance(authority, Commit) else None
        if txid is None:
            decision = self.world.truth.get(authority.generation)
            txid = decision.txid if decision else ""
        for name in self.noes.get(txid, ()):
            if self._is_member(name, txid):
                raise self.broken(f"{host} applies {txid}, which {name} rejected")

    def _is_member(self, name: str, txid: str) -> bool:
        for decision in self.world.truth.values():
            if decision.txid == txid and decision.verb in ("undo", "rollback"):
                return name in decision.members
        return True
