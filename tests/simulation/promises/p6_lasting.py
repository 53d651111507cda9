# SPDX-License-Identifier: LGPL-3.0-or-later
"""P6: what was committed survives the death of every process.

Also what that rests on: no generation is used twice or skipped, and every life has an epoch of its
own, higher than all before it.
"""

from typing import TYPE_CHECKING

from coordinator.core.decisions import Decision
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.world import World


class Lasting(Promise):
    name = "P6"

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.epoch = 0
        self.kept: dict[int, tuple[str, str]] = {}

    def durable(self, decision: Decision) -> None:
        number = decision.generation
        if number in self.kept:
            raise self.broken(f"generation {number} is used again, for {decision.txid}")
        if number != len(self.kept) + 1:
            raise self.broken(f"generation {number} follows {len(self.kept)}")
        self.kept[number] = (decision.txid, decision.configuration.digest)

    def started(self, broker: "SimulatedBroker") -> None:
        if broker.machine.epoch <= self.epoch:
            raise self.broken(f"epoch {broker.machine.epoch} comes after {self.epoch}")
        self.epoch = broker.machine.epoch
        for number, kept in self.kept.items():
            found = broker.ledger.generation(number)
            if found is None:
                raise self.broken(f"generation {number} is gone after a restart")
            if (found.receipt.txid, found.configuration.digest) != kept:
                raise self.broken(f"generation {number} is another one after a restart")
        running = broker.machine.running
        if (running.generation if running else 0) != len(self.kept):
            raise self.broken(f"{broker} resumes something else than the last generation")
