# SPDX-License-Identifier: LGPL-3.0-or-later
"""P1: a participant applies a generation only if the ledger whose word it is holds its COMMIT."""

from typing import TYPE_CHECKING

from protocol.messages import Admit, Commit, Digest
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_process import SimulatedProcess


class CommittedOnly(Promise):
    name = "P1"

    def applied(self, host: "SimulatedProcess", authority: Commit | Admit, digest: Digest) -> None:
        decision = host.book_of(authority).decisions.get(authority.generation)
        if decision is None:
            raise self.broken(f"{host} applies {authority.generation}, which no disk holds")
        if isinstance(authority, Commit) and authority.txid != decision.txid:
            raise self.broken(f"{host} applies {authority.txid}; the ledger holds {decision.txid}")
        if digest != decision.configuration.digest:
            raise self.broken(f"{host} applies something else as {authority.generation}")
