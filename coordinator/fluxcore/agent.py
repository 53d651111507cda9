# SPDX-License-Identifier: LGPL-3.0-or-later
"""The coordinator of a Flux instance: the broker of this project with ranks for modules.

It differs from an ordinary one in two places: its clients come by Flux's `config` service, too, and
a change waits until every rank that is online is a member.  (That what some rank could not apply is
undone everywhere is an option of the machine.)
"""

from collections.abc import Callable
from typing import Any

from coordinator.api.front import UnixFront
from coordinator.api.handle import BrokerHandle
from coordinator.broker import Broker
from coordinator.core.events import Asked, Event, HungUp
from coordinator.core.operations.confirm import UNDO
from coordinator.core.rebase import Rebased
from coordinator.core.requests import ChangeRequest, FromFiles, Replacement, Who
from coordinator.core.results import Outcome
from coordinator.fluxcore.answers import failure_of
from coordinator.fluxcore.attendance import Attendance
from coordinator.fluxcore.liveness import Pulse
from coordinator.fluxcore.named_changes import NamedChanges
from coordinator.fluxcore.service import ConfigRequest, Then
from fluxcore.handle import Flux


class FluxFront:
    """Two fronts in one: the clients' socket, and whoever asks by a call and waits for a callback.

    Clients of the socket have positive numbers, the others negative ones.
    """

    def __init__(self, door: UnixFront, size: int) -> None:
        self._door = door
        self._size = size
        self._broker: BrokerHandle | None = None
        self._waiting: dict[int, Callable[[Outcome], None]] = {}
        self._number = 0
        self.opened: Callable[[], None] = _nothing
        """Called when the start is complete."""
        self.named: NamedChanges | None = None
        """What clients of Flux ask for goes through this."""

    def open(self, broker: BrokerHandle) -> None:
        """Let clients in."""
        self._broker = broker
        self._door.open(broker)
        if self.named is not None:
            self.named.open()
        self.opened()

    def ask(self, request: ChangeRequest, then: Callable[[Outcome], None]) -> int:
        """Ask the machine; the number of the client that was made for it."""
        assert self._broker is not None, "not open yet"
        self._number -= 1
        self._waiting[self._number] = then
        number = self._number
        self._broker.feed(Asked(number, request))
        return number

    def change(self, wanted: ConfigRequest, then: Then) -> Callable[[], None]:
        """What a client of Flux asks for; returns what withdraws it."""
        assert self.named is not None, "not wired yet"
        return self.named.ask(wanted, then)

    def begin(self, wanted: ConfigRequest, then: Then) -> Callable[[], None]:
        """Have it begun; its name has not been used before."""
        broker = self._broker
        assert broker is not None, "not open yet"
        if wanted.candidate is None and not broker.attributes["config.path"]:
            then(None)  # as flux-core does: there are no files, and nothing to be done
            return _nothing
        request = ChangeRequest(_proposal(wanted), wanted.verb, _who(wanted), txid=wanted.txid)
        number = self.ask(request, lambda outcome: then(failure_of(outcome, self._size)))
        return lambda: broker.feed(HungUp(number))

    def answer(self, client: int, answer: Outcome | dict[str, Any]) -> None:
        """Bring whoever asked the answer."""
        if client > 0:
            self._door.answer(client, answer)
            return
        then = self._waiting.pop(client, None)
        if then is not None and isinstance(answer, Outcome):
            then(answer)

    def look_out(self) -> None:
        """Something may have changed that clients watch."""
        self._door.look_out()

    def close(self) -> None:
        """Let everybody go."""
        self._door.close()


def _proposal(wanted: ConfigRequest) -> FromFiles | Replacement | Rebased:
    if wanted.candidate is None:
        return FromFiles()
    if wanted.read is None:
        return Replacement(wanted.candidate)
    return Rebased(wanted.read, wanted.candidate)


def _who(wanted: ConfigRequest) -> Who:
    verb = "set or unset" if wanted.read is not None else wanted.verb
    return Who(wanted.uid, 0, f"flux config {verb}")


class FluxBroker(Broker):
    """`wire` before `run`."""

    def wire(self, flux: Flux, front: FluxFront, attendance: Attendance) -> None:
        """Have requests and answers pass by these."""
        self._attendance = attendance
        self._pulse = Pulse(flux, self._world.timers, self._awaited)
        self._named = NamedChanges(self.machine, attendance, self._world.timers, front.begin)
        front.named = self._named
        attendance.feed = super().feed
        attendance.refuse = self._front.answer

    def feed(self, event: Event) -> None:
        """Give the machine an event, unless it is to wait, or too late."""
        if isinstance(event, Asked) and isinstance(event.request, ChangeRequest):
            if self._attendance.holds(event):
                return
        elif isinstance(event, HungUp):
            self._attendance.drop(event.client)
        super().feed(event)

    def wants_rehearsal(self, txid: str) -> bool:
        """Whether this change is to be rehearsed; what has run before need not be, to go back."""
        change = self.machine.transaction
        if change is None or change.txid != txid:
            return False
        return change.request.rehearse and change.request.verb != UNDO

    def stepped(self) -> None:
        """The machine has made a step."""
        super().stepped()
        self._attendance.look()
        self._named.look()
        self._pulse.look()
        if self.machine.transaction is None:
            self.log.flush()  # whoever asked has been answered

    def _awaited(self) -> frozenset[str]:
        change = self.machine.transaction
        return change.awaited if change is not None and change.outcome is None else frozenset()

    def unreached(self) -> None:
        """Who is online, or has an agent, has changed."""
        self._attendance.look()
        self._named.look()


def _nothing() -> None:
    """Nothing to be done."""
