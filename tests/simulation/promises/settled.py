# SPDX-License-Identifier: LGPL-3.0-or-later
"""Liveness: when all faults are over, everything comes to where it should be.

Every participant that is there runs the last generation, or is shown as refused or failed; nobody
is in doubt; the coordinator is idle; and a change to which nobody objects goes through.
"""

from typing import TYPE_CHECKING

from coordinator.core.members import MemberState
from protocol.transitions import ParticipantState
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.simulated_process import SimulatedProcess

_OUT = (MemberState.REFUSED, MemberState.FAILED)
_SETTLED = (MemberState.RUNNING, *_OUT)


class Settled(Promise):
    name = "liveness"

    def settled(self) -> None:
        broker = self.world.broker
        if broker is None or not broker.is_ready:
            raise self.broken("there is no broker that is ready")
        self._members(broker)
        for host in self.world.processes.values():
            if not host.alive or host.detached:
                continue
            if self._knows_better(host, broker):
                continue  # it is told so, again and again
            if host.machine.in_doubt is not None:
                raise self.broken(f"{host} is in doubt of {host.machine.in_doubt} for ever")
            member = broker.machine.members.get(host.name)
            if member is None or member.pid != host.pid:
                raise self.broken(f"{host} is there, and {broker} does not know it")
            if member.state in _OUT:
                continue
            if host.machine.arguments != member.arguments():
                raise self.broken(f"{host} runs with other values than {broker} believes")
            runs, last = host.machine.generation, broker.book.last
            if runs != last or host.machine.state is not ParticipantState.IDLE:
                raise self.broken(f"{host} is {host.machine.state} with {runs}, not {last}")

    def _knows_better(self, host: "SimulatedProcess", broker: "SimulatedBroker") -> bool:
        """Whether it has obeyed a later epoch of this ledger, which was restored since."""
        fence = self.world.fences.get(host.machine.incarnation)
        return (
            fence is not None
            and fence.ledger == broker.book.ledger
            and fence.epoch > broker.machine.epoch
        )

    def _members(self, broker: "SimulatedBroker") -> None:
        if not broker.machine.operation.over or broker.machine.queue:
            raise self.broken(f"{broker} is busy for ever")
        if broker.machine.unconfirmed is not None or broker.ledger.unconfirmed() is not None:
            raise self.broken("what nobody confirmed is not undone")
        for member in broker.machine.members:
            if member.state not in _SETTLED:
                raise self.broken(f"{member.name} is {member.state} for ever")
            process = self.world.processes.get(member.pid)
            left_unheard = process is None or process.detached  # the next message will tell
            if member.owes is not None and not left_unheard:
                raise self.broken(f"{member.name} owes a vote on {member.owes} for ever")
