# SPDX-License-Identifier: LGPL-3.0-or-later
"""P7: a lower epoch never changes a participant.

It may tell it to go away: a Refuse commands nothing, and one whose ledger is not the one that the
participant knows has a lower epoch and must be able to say so.
"""

from typing import TYPE_CHECKING

from participant.core.effects import Effect, Quit
from protocol.messages import FromCoordinator, Refuse
from tests.simulation.promises.base import Before, Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_process import SimulatedProcess


class Fenced(Promise):
    name = "P7"

    def told(
        self,
        host: "SimulatedProcess",
        message: FromCoordinator,
        before: Before,
        effects: tuple[Effect, ...],
    ) -> None:
        if message.epoch >= before[1]:
            return
        machine = host.machine
        after = (machine.state, machine.epoch, machine.generation, machine.digest, machine.staged)
        allowed = isinstance(message, Refuse) and all(isinstance(one, Quit) for one in effects)
        if after != before or (effects and not allowed):
            raise self.broken(f"{host} has obeyed epoch {before[1]} and then {message.epoch}")
