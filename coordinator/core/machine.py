# SPDX-License-Identifier: LGPL-3.0-or-later
"""The coordinator's machine: an event and the time in, effects and at most one decision out.

It is the coordinator of two-phase commit with presumed abort (Gray & Lamport, "Consensus on
Transaction Commit", 2006, section 3: their TM; the participants are their RMs; presumed abort is of
Mohan, Lindsay & Obermarck, "Transaction Management in the R* Distributed Database Management
System", 1986).  It runs one operation at a time (a start, a change, a load, a removal) and queues
the requests for others.  It touches no socket, no file and no clock; the broker, the simulator and
the tests drive it by the same call.

If you drive it yourself, these are your duties, in this order:

1. Before it is made: put the new epoch on disk, higher than any before; then pass that, the last
   decision, the receipts and the unconfirmed generation as the ledger has them, the ledger's
   identity, and a random `life`.
2. `Begin` first.  Until the effect `AnnounceReady` let no client in; after `GiveUp` it has failed.
3. Call `step(now, event)` for one event at a time, never from inside another call; `now` in seconds
   of one monotonic clock.  Events of one connection in the order in which they came.
4. Carry out `Step.effects` in their order, and before the next `step`, or queue them without
   changing the order of any two for the same participant.  What an effect brings about is an event
   of its own: `Started` or `Died` for `StartProcess`, `Unreachable` for a `Send` that nobody got,
   `CandidateRead` for `ReadFiles` and `ReadGeneration`, `UnreadFound` for `FindUnread`,
   `ConfirmationWritten` for `WriteConfirmation`, `Died` for `Watch` and `Kill`, `TimePassed` for
   `Wake`.  Each may come late: a deadline covers what is waited for.
5. Then force `Step.force`, if there is one, and answer with `Forced` when it is on disk, or with
   `NotForced` when it certainly is not.  While neither is known, say neither: let the process end,
   and the next start will read the ledger.  Other events may come in the meantime.
6. Send `Commit` and `Admit` for `TellCommit` and `TellAdmit` only, which carry the ledger's word.
7. After `Halt`, or `GiveUp`, stop: `step` must not be called any more.

`step` raises nothing for what a peer or a client may say.  It raises AssertionError, of which
`protocol.transitions.Forbidden` is one, where this program or its driver is at fault; the machine's
state is then undefined, and the process should end.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple, TypeVar

from coordinator.core.decisions import Durable, Provisional, Receipt, Unconfirmed
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
    Started,
    Stop,
    TimePassed,
    Unreachable,
    UnreadFound,
)
from coordinator.core.inquiries import Inquiries
from coordinator.core.members import Member, MemberInput, Members, MemberState
from coordinator.core.membership import Membership
from coordinator.core.operation import Operation
from coordinator.core.operations.completion import Completion
from coordinator.core.operations.confirm import Confirm, take_undo, undo_is_due
from coordinator.core.operations.module_configure import ModuleConfigure
from coordinator.core.operations.module_load import ModuleLoad
from coordinator.core.operations.module_reload import ModuleReload
from coordinator.core.operations.module_remove import ModuleRemove
from coordinator.core.operations.module_restore import ModuleRestore, can_restore
from coordinator.core.operations.startup import Startup
from coordinator.core.operations.take_back import TakeBack, failed_is_due, stays_for_now
from coordinator.core.operations.transaction import Transaction
from coordinator.core.operations.way_back import WayBack
from coordinator.core.requests import (
    ChangeRequest,
    ConfigureRequest,
    ConfirmRequest,
    Earlier,
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
    Vote,
)
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason, is_part_of


class _Queued(NamedTuple):
    """A request that waits for its turn."""

    client: int
    request: Request
    asked_at: float
    """On the machine's clock."""
    deadline: float
    """When it is turned away, should its turn not have come; `seconds` after it was asked."""


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
        undo_failures: bool = False,
        provisional: Provisional | None = None,
    ) -> None:
        """One life on the ledger with this identity.

        `epoch` must be on disk already, and greater than that of any former life; `life` is a
        random text that makes this life's txids different from those of any other.  With
        `undo_failures` a change that a member cannot apply is undone, ahead of all that waits;
        `provisional` is the one in force of which a former life did not see the end.
        """
        self.shared = SharedState(ledger, epoch, life, running, decided or {}, undo_failures)
        self.outbox = self.shared.outbox
        self.shared.unconfirmed = unconfirmed
        if undo_failures and provisional is not None:
            self.shared.provisional, self.shared.unfinished = provisional, True
        if unconfirmed is not None:
            self.outbox.wake(unconfirmed.due_monotonic)
        self.membership = Membership(self.shared)
        self.inquiries = Inquiries(self.shared)
        self.operation: Operation = _Idle(self.shared)
        self.queue: deque[_Queued] = deque()
        self.stopping_until: float | None = None
        self.halted = False

    def step(self, now: float, event: Event) -> Step:
        """What to do about `event` at `now` (seconds of a monotonic clock).

        Raises AssertionError where the caller neglects a duty (see above), never for its peers.
        """
        assert not self.halted, "Halt was the last effect"
        self.shared.now = max(now, self.shared.now)
        self._take(event)
        self._advance()
        self.inquiries.sweep()
        return self.outbox.take_step()

    # Properties

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
    def decided(self) -> Mapping[str, Receipt]:
        """The last decisions by txid, those of former lives among them."""
        return self.shared.decided

    @property
    def waiting(self) -> int:
        """How many requests wait for their turn."""
        return len(self.queue)

    @property
    def refused_start(self) -> tuple[Reason, ...]:
        """Why this life did not start with the files; empty once files were taken again."""
        return self.shared.refused_start

    @property
    def is_provisional(self) -> bool:
        """Whether what is in force may still be undone, because a member cannot apply it."""
        return self.shared.provisional is not None

    @property
    def unconfirmed(self) -> Unconfirmed | None:
        """The generation in force if it is undone unless it is confirmed."""
        return self.shared.unconfirmed

    @property
    def members(self) -> Members:
        """All participants."""
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
                self._received(peer, message)
            case Forced(durable):
                self._deciding().forced(durable)
            case NotForced(_, why):
                self._deciding().not_forced(why)
            case ConfirmationWritten():
                assert isinstance(self.operation, Confirm | Transaction), "only these ask for it"
                self.operation.confirmed(event)
            case CandidateRead(txid, found):
                change = self.transaction
                if change is not None and change.txid == txid:
                    change.proposed(found)
            case UnreadFound(txid, reasons):
                change = self.transaction
                if change is not None and change.txid == txid:
                    change.unread(reasons)
            case Asked(client, request):
                self._asked(client, request)
            case HungUp(client):
                self.queue = deque(queued for queued in self.queue if queued.client != client)
                self.operation.hung_up(client)
                self.inquiries.hung_up(client)
            case Inquired(client, name, seconds, question):
                self.inquiries.inquire(client, name, seconds, question)
            case Died(name, ticket, how):
                self.membership.died(name, ticket, how, self.operation)
            case Started():
                self.membership.started(event, self.operation)
            case Unreachable(peer):
                self.membership.unreachable(peer, self.operation)
            case TimePassed():
                self._time_passed()
            case Begin():
                self.operation = Startup(self.shared, self.membership, event)
            case Stop():
                self._stop()

    def _deciding(self) -> Transaction | Startup:
        assert isinstance(self.operation, Transaction | Startup), "only these force decisions"
        return self.operation

    def _received(self, peer: bytes, message: FromParticipant) -> None:
        if isinstance(message, Join):
            self.membership.join(peer, message, self.operation)
            return
        member = self.members.at(peer)
        if member is None:
            self._received_unjoined(peer, message)
        elif member.incarnation == message.incarnation:  # else: of a life that has ended
            self._received_from(member, message)

    def _received_unjoined(self, peer: bytes, message: FromParticipant) -> None:
        """Nobody has joined on this connection, or whoever had was given up meanwhile."""
        if isinstance(message, Leave):
            self._left_before_joining(message)
        else:
            why = "it is not joined (any more) on this connection"
            self.outbox.emit(Send((peer,), Refuse(*self.shared.authority, why)))

    def _received_from(self, member: Member, message: Vote | Applied | Leave | Report) -> None:
        member.heard_at = self.shared.now
        match message:
            case Report():
                self.inquiries.answered(member, message)
            case Vote():
                if member.owes == message.txid:
                    member.owes, member.probes = None, 0
                self.operation.voted(member, _in_its_own_name(member, message))
            case Applied():
                if self.shared.running is not None:  # else: of nothing that this ledger holds
                    own = _in_its_own_name(member, message)
                    self.membership.applied(member, own, self.operation)
            case Leave():
                self.membership.left(member, _in_its_own_name(member, message), self.operation)

    def _left_before_joining(self, message: Leave) -> None:
        """A module that cannot even be loaded sends its reasons in place of Join."""
        member = self.members.get(message.name)
        if member is not None and member.state is MemberState.STARTING:
            self.membership.left(member, message, self.operation)

    def _time_passed(self) -> None:
        now = self.shared.now
        self.operation.time_passed()
        self.membership.time_passed()
        self.inquiries.time_passed()
        late = [queued for queued in self.queue if now >= queued.deadline]
        for queued in late:
            self.queue.remove(queued)
            why = f"other changes were in progress for all of its {queued.request.seconds:g} s"
            self._turn_away(queued.client, why, ReasonCode.TIMEOUT, now - queued.asked_at)

    # The queue

    def _asked(self, client: int, request: Request) -> None:
        if self.stopping_until is not None:
            self._turn_away(client, "the broker is stopping", ReasonCode.STOPPING)
        elif len(self.queue) >= limits.QUEUED_REQUESTS:
            why = f"{limits.QUEUED_REQUESTS} changes are waiting already"
            self._turn_away(client, why, ReasonCode.BUSY)
        else:
            deadline = self.shared.now + request.seconds
            queued = _Queued(client, request, self.shared.now, deadline)
            member = self._cancelled(request)
            if member is None:
                self.queue.append(queued)
            elif not member.attached:
                self.membership.kill(member)
                self.queue.appendleft(queued)  # others may wait because of that very module
            elif isinstance(request, RemoveRequest):
                self.membership.cast_off(member, self.operation)
                outcome = self.shared.outcome(Result.REMOVED, self.shared.now)
                self.outbox.emit(Answer(client, outcome._replace(asked=1)))
                return
            else:  # which is refused: its process is not ours
                self.queue.append(queued)
            self.outbox.wake(deadline)

    def _cancelled(self, request: Request) -> Member | None:
        """The module that is not to be waited for any longer."""
        if isinstance(request, RemoveRequest | ModuleReloadRequest) and request.cancel:
            return self.members.get(request.name)
        return None

    def _turn_away(self, client: int, why: str, code: ReasonCode, seconds: float = 0.0) -> None:
        reason = Reason("config", why, code=code)
        outcome = Outcome(
            Result.REFUSED, self.shared.generation, reasons=(reason,), seconds=seconds
        )
        self.outbox.emit(Answer(client, outcome))

    def _advance(self) -> None:
        """Go on as far as that is possible without a further event."""
        if not self.operation.blocks_admission:
            self.membership.admit_waiting()
        self.operation.advance()
        if self.stopping_until is not None and self.shared.now >= self.stopping_until:
            self.operation.time_passed()  # so that the client of the operation is answered
            self._say_goodbye()
            return
        while self.operation.over:
            if self.stopping_until is not None:
                self._say_goodbye()
                return
            following = self._next()
            if following is None:
                self.operation = _Idle(self.shared)
                return
            self.operation = following
            if not self.operation.blocks_admission:
                self.membership.admit_waiting()

    def _next(self) -> Operation | None:
        """An undo that is due goes before all that waits, but for what takes an objector away."""
        if self.shared.unfinished:
            return Completion(self.shared)
        failed = failed_is_due(self.shared)
        if failed is not None or undo_is_due(self.shared):
            for queued in self.queue:
                if self._clears_the_way(queued.request):
                    self.queue.remove(queued)
                    return self._begin(queued)
            if failed is not None:
                return TakeBack(self.shared, self.membership, failed)
            undo = take_undo(self.shared)
            return WayBack(self.shared, self.membership, None, undo, self.shared.now)
        return self._begin(self.queue.popleft()) if self.queue else None

    def _clears_the_way(self, request: Request) -> bool:
        """Whether a module is removed, or one that has failed begins anew."""
        if isinstance(request, LoadRequest | ModuleReloadRequest):
            member = self.members.get(request.name)
            return member is not None and member.state is MemberState.FAILED
        return isinstance(request, RemoveRequest)

    def _begin(self, queued: _Queued) -> Operation:
        client, request, asked_at, _ = queued
        match request:
            case ChangeRequest(proposal=Earlier()):
                return WayBack(self.shared, self.membership, client, request, asked_at)
            case ChangeRequest():
                return Transaction(self.shared, client, request, asked_at)
            case ConfirmRequest():
                return Confirm(self.shared, client, request, asked_at)
            case ConfigureRequest(name) if can_restore(self.members.get(name), request):
                return ModuleRestore(self.shared, self.membership, client, request, asked_at)
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
        for queued in self.queue:
            self._turn_away(queued.client, "the broker is stopping", ReasonCode.STOPPING)
        self.queue.clear()
        self.operation.stop()

    def _say_goodbye(self) -> None:
        """Send Shutdown to modules of ours; Halt when they are gone, or have had their time.

        Attached participants lose their connection with the broker, and join the next one.
        """
        assert self.stopping_until is not None
        stays_for_now(self.shared)
        ours = [member for member in self.members if not member.attached and member.ticket]
        unasked = [member for member in ours if member.state is not MemberState.LEAVING]
        for member in unasked:
            member.become(MemberState.LEAVING, MemberInput.REMOVE, self.shared.now)
            self.shared.dismiss(member, "the broker is stopping")
        if not ours or self.shared.now >= self.stopping_until:
            self.halted = True
            self.outbox.emit(Halt())


_Reasoned = TypeVar("_Reasoned", Vote, Applied, Leave)


def _in_its_own_name(member: Member, message: _Reasoned) -> _Reasoned:
    """The message with all that it says said by its sender: nobody objects for another."""
    message = message._replace(reasons=_said_by(member, message.reasons))
    if isinstance(message, Vote | Applied):
        message = message._replace(warnings=_said_by(member, message.warnings))
    return message


def _said_by(member: Member, reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    return tuple(
        reason if is_part_of(reason.module, member.name) else replace(reason, module=member.name)
        for reason in reasons
    )


class _IdlePhase(StrEnum):
    IDLE = "idle"


class _Idle(Operation):
    """Stands for no operation."""

    ENDS = frozenset(_IdlePhase)
    phase = _IdlePhase.IDLE
