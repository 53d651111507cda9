"""P7: a lower epoch never changes a participant."""

from typing import TYPE_CHECKING

from participant.machine import Effect
from protocol.messages import FromCoordinator
from tests.simulation.promises.base import Before, Promise

if TYPE_CHECKING:
    from tests.simulation.hosts import Host


class Fenced(Promise):
    name = "P7"

    def told(
        self, host: "Host", message: FromCoordinator, before: Before, effects: tuple[Effect, ...]
    ) -> None:
        if message.epoch >= before[1]:
            return
        machine = host.machine
        after = (machine.state, machine.epoch, machine.generation, machine.digest, machine.staged)
        if after != before or effects:
            raise self.broken(f"{host} has obeyed epoch {before[1]} and then {message.epoch}")
