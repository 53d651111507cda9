# SPDX-License-Identifier: LGPL-3.0-or-later
"""The coordinator's machine: an event and the time in, effects and at most one decision out.

It serves one activity at a time (a start, a change, a load, a removal) and keeps the others in
line.  It touches no socket, no file and no clock; the broker, the simulator and the tests drive it
by the same call.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from coordinator.core.decisions import Durable, Receipt, Unconfirmed
from coordinator.core.effects import Answer, Halt, Send, Step
from coordinator.core.events import (
    Asked,
    Begin,
    CandidateRead,
    ConfirmationWritten,
    Died,
    Event,
    Forced,
    HungUp,
    Inquired,
    NotForced,
    Received,
    Spawned,
    Stop,
    TimePassed,
    Unreachable,
)
from coordinator.core.inquiries import Inquiries
from coordinator.core.members import MemberInput, Members, MemberState
from coordinator.core.membership import Membership
from coordinator.core.operation import Operation
from coordinator.core.operations.confirm import Confirm, due_undo
from coordinator.core.operations.module_configure import ModuleConfigure
from coordinator.core.operations.module_load import ModuleLoad
from coordinator.core.operations.module_reload import ModuleReload
from coordinator.core.operations.module_remove import ModuleRemove
from coordinator.core.operations.startup import Startup
from coordinator.core.operations.transaction import Transaction
from coordinator.core.requests import (
    ChangeRequest,
    ConfigureRequest,
    ConfirmRequest,
    LoadRequest,
    ModuleReloadRequest,
    RemoveRequest,
    Request,
    Spec,
)
from coordinator.core.results import Outcome, Result
from coordinator.core.state import SharedState
from protocol import limits
from protocol.messages import (
    Applied,
    FromParticipant,
    Join,
    Leave,
    LedgerId,
    Refuse,
    Report,
    Shutdown,
    Vote,
)
from protocol.reasons import Reason


class Coordinator:
    """One life of a coordinator.  `step` is the only way in; properties are for reading."""

    def __init__(
        self,
        epoch: int,
        running: Durable | None = None,
        decided: Mapping[str, Receipt] | None = None,
        unconfirmed: Unconfirmed | None = None,
        *,
        ledger: LedgerId,
        life: str = "",
    ) -> None:
        """One life on the ledger with this identity.

        `epoch` must be on disk already, and greater than that of any former life; `life` is a
        random text that makes this life's txids different from those of any other.
        """
        self.shared = SharedState(ledger, epoch, life, running, decided or {})
        self.outbox = self.shared.outbox
        self.shared.unconfirmed = unconfirmed
        if unconfirmed is not None:
            self.outbox.wake(unconfirmed.due)
        self.membership = Membership(self.shared)
        self.inquiries = Inquiries(self.shared)
        self.operation: Operation = _Idle(self.shared)
        self.queue: deque[tuple[int, Request, float]] = deque()
        self.stopping_until: float | None = None
        self.halted = False

    def step(self, now: float, event: Event) -> Step:
        """What to do about `event` at `now` (seconds of a clock that never goes back)."""
        self.shared.now = max(now, self.shared.now)
        self._take(event)
        self._advance()
        self.inquiries.sweep()
        return self.outbox.take_step()

    # Reading

    @property
    def epoch(self) -> int:
        """The number of this life."""
        return self.shared.epoch

    @property
    def running(self) -> Durable | None:
        """What is in force; None before the first commit."""
        return self.shared.running

    @property
    def generation(self) -> int:
        """The number in force; 0 before the first commit."""
        return self.shared.generation

    @property
    def refused_start(self) -> tuple[Reason, ...]:
        """Why this life did not start with the files; empty once files were taken again."""
        return self.shared.refused_start

    @property
    def unconfirmed(self) -> Unconfirmed | None:
        """The generation in force, where it is undone unless it is confirmed."""
        return self.shared.unconfirmed

    @property
    def members(self) -> Members:
        """Everybody who is here."""
        return self.shared.members

    @property
    def transaction(self) -> Transaction | None:
        """The change in progress, if any."""
        if isinstance(self.operation, Startup):
            return self.operation.transaction
        return self.operation if isinstance(self.operation, Transaction) else None

    # One event

    def _take(self, event: Event) -> None:
        match event:
            case Received(peer, message):
                self._heard(peer, message)
            case Forced(durable):
                self._deciding().forced(durable)
            case NotForced(_, why):
                self._deciding().not_forced(why)
            case ConfirmationWritten():
                assert isinstance(self.operation, Confirm), "only this asks for it"
                self.operation.confirmed(event)
            case CandidateRead(txid, found):
                change = self.transaction
                if change is not None and change.txid == txid:
                    change.proposed(found)
            case Asked(client, request):
                self._asked(client, request)
            case HungUp(client):
                self.queue = deque(one for one in self.queue if one[0] != client)
                self.operation.hung_up(client)
                self.inquiries.hung_up(client)
            case Inquired(client, name, seconds):
                self.inquiries.inquire(client, name, seconds)
            case Died(name, pid, how):
                self.membership.died(name, pid, how, self.operation)
            case Spawned(name, pid):
                self.membership.spawned(name, pid)
            case Unreachable(peer):
                self.membership.unreachable(peer, self.operation)
            case TimePassed():
                self._woke()
            case Begin():
                self.operation = Startup(self.shared, self.membership, event)
            case Stop():
                self._stop()

    def _deciding(self) -> Transaction | Startup:
        assert isinstance(self.operation, Transaction | Startup), "only these force decisions"
        return self.operation

    def _heard(self, peer: bytes, message: FromParticipant) -> None:
        if isinstance(message, Join):
            self.membership.join(peer, message, self.operation)
            return
        member = self.members.at(peer)
        if member is None:
            if isinstance(message, Leave):
                self._left_before_joining(message)
            else:  # it was given up meanwhile, and does not know it
                why = "it is not joined (any more) on this connection"
                self.outbox.emit(Send((peer,), Refuse(*self.shared.authority, why)))
            return
        if member.incarnation != message.incarnation:
            return  # an answer of a life that has ended
        if isinstance(message, Report):
            self.inquiries.answered(member, message)
            return
        if message.reasons:  # whoever it speaks for, it speaks as itself
            own = tuple(replace(reason, module=member.name) for reason in message.reasons)
            message = message._replace(reasons=own)
        match message:
            case Vote(txid=txid):
                if member.owes == txid:
                    member.owes, member.probes = None, 0
                self.operation.voted(member, message)
            case Applied():
                if self.shared.running is not None:
                    self.membership.applied(member, message, self.operation)
            case Leave():
                self.membership.left(member, message, self.operation)

    def _left_before_joining(self, message: Leave) -> None:
        """A module that cannot even be loaded says why before its process ends."""
        member = self.members.get(message.name)
        if member is not None and member.state is MemberState.STARTING:
            self.membership.left(member, message, self.operation)

    def _woke(self) -> None:
        now = self.shared.now
        self.operation.time_passed()
        self.membership.time_passed()
        self.inquiries.time_passed()
        late = [one for one in self.queue if now >= one[2] + one[1].seconds]
        for client, request, asked_at in late:
            self.queue.remove((client, request, asked_at))
            why = f"other changes were in progress for all of its {request.seconds:g} s"
            self._turn_away(client, why, now - asked_at)

    # The line

    def _asked(self, client: int, request: Request) -> None:
        if self.stopping_until is not None:
            self._turn_away(client, "the broker is stopping")
        elif len(self.queue) >= limits.QUEUED_REQUESTS:
            self._turn_away(client, f"{limits.QUEUED_REQUESTS} changes are waiting already")
        else:
            self.queue.append((client, request, self.shared.now))
            self.outbox.wake(self.shared.now + request.seconds)

    def _turn_away(self, client: int, why: str, seconds: float = 0.0) -> None:
        reason = Reason("config", why)
        outcome = Outcome(Result.REFUSED, self.shared.generation, "", (reason,), seconds=seconds)
        self.outbox.emit(Answer(client, outcome))

    def _advance(self) -> None:
        """Whatever can go on without a further event does, as long as no decision is on its way."""
        if not self.operation.blocks_admission:
            self.membership.admit_waiting()
        if isinstance(self.operation, Transaction):
            self.operation.gather()
        if self.stopping_until is not None and self.shared.now >= self.stopping_until:
            self.operation.time_passed()  # the last chance to answer whoever asked for it
            self._say_goodbye()
            return
        while self.operation.over:
            if self.stopping_until is not None:
                self._say_goodbye()
                return
            undo = due_undo(self.shared)
            if undo is not None:
                self.operation = Transaction(self.shared, None, undo, self.shared.now)
            elif not self.queue:
                self.operation = _Idle(self.shared)
                return
            else:
                client, request, asked_at = self.queue.popleft()
                self.operation = self._begin(client, request, asked_at)
            if not self.operation.blocks_admission:
                self.membership.admit_waiting()

    def _begin(self, client: int, request: Request, asked_at: float) -> Operation:
        match request:
            case ChangeRequest():
                return Transaction(self.shared, client, request, asked_at)
            case ConfirmRequest():
                return Confirm(self.shared, client, request, asked_at)
            case ConfigureRequest():
                return ModuleConfigure(self.shared, self.membership, client, request, asked_at)
            case ModuleReloadRequest(name, otherwise=Spec() as spec) if name not in self.members:
                load = LoadRequest(name, spec, request.seconds)
                return ModuleLoad(self.shared, self.membership, client, load, asked_at)
            case ModuleReloadRequest():
                return ModuleReload(self.shared, self.membership, client, request, asked_at)
            case LoadRequest():
                return ModuleLoad(self.shared, self.membership, client, request, asked_at)
            case RemoveRequest():
                return ModuleRemove(self.shared, self.membership, client, request, asked_at)

    # The end

    def _stop(self) -> None:
        if self.stopping_until is not None:
            return
        self.stopping_until = self.shared.now + limits.SHUTDOWN_SECONDS
        self.outbox.wake(self.stopping_until)
        self.outbox.log("stop")
        for client, _, _ in self.queue:
            self._turn_away(client, "the broker is stopping")
        self.queue.clear()
        self.operation.stop()

    def _say_goodbye(self) -> None:
        """Ask modules of ours to end; attached participants are merely cut, and come back."""
        assert self.stopping_until is not None
        if self.halted:
            return
        ours = [one for one in self.members if not one.attached and one.pid]
        fresh = [one for one in ours if one.state is not MemberState.LEAVING]
        for member in fresh:
            member.become(MemberState.LEAVING, MemberInput.REMOVE, self.shared.now)
        self.outbox.send(fresh, Shutdown(*self.shared.authority, "the broker is stopping"))
        if not ours or self.shared.now >= self.stopping_until:
            self.halted = True
            self.outbox.emit(Halt())


class _IdlePhase(StrEnum):
    IDLE = "idle"


class _Idle(Operation):
    """Stands for no operation."""

    ENDS = frozenset(_IdlePhase)
    phase = _IdlePhase.IDLE
