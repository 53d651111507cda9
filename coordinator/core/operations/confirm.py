# SPDX-License-Identifier: LGPL-3.0-or-later
"""Confirmed commit: changes that are undone by themselves unless they are confirmed in time.

An administrator who has locked himself out cannot undo the change.  A change with `--confirm 2m` is
committed like any other, and the time of its undo is written to the ledger with it, so that not
even the death of the broker makes it forgotten (RFC 6241, section 8.4, confirmed commit; Junos,
`commit confirmed`).
While it is unconfirmed nobody else may change anything: what would be undone then?
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from coordinator.core.effects import Answer, WriteConfirmation
from coordinator.core.events import ConfirmationWritten
from coordinator.core.operation import Operation
from coordinator.core.operations.undo_reason import not_confirmed
from coordinator.core.requests import ChangeRequest, ConfirmRequest, Earlier, Replacement
from coordinator.core.results import Result
from coordinator.core.state import SharedState
from protocol import limits
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason
from protocol.transitions import Transitions

UNDO = "undo"
"""The verb of an undo, in the history and in the log."""


def why_barred(shared: SharedState, request: ChangeRequest) -> Reason | None:
    """Why a change must not be tried when its turn comes; None if it may be."""
    expected = request.if_generation
    if expected is not None and expected != shared.generation:
        why = f"generation {shared.generation} is in force, not {expected}: someone was faster"
        return Reason("config", why, code=ReasonCode.STALE_GENERATION)
    if request.confirm is not None:
        return None  # it may say the same again, to have more time; that shows when it is read
    return why_unconfirmed(shared, request)


def why_unconfirmed(shared: SharedState, request: ChangeRequest) -> Reason | None:
    """Why what is unconfirmed bars this change, which is another one; None if it does not."""
    pending = shared.unconfirmed
    if pending is None or request.dry_run or request.verb == UNDO:
        return None
    wanted = request.proposal
    if isinstance(wanted, Earlier) and wanted.generation in (None, pending.generation - 1):
        return None
    why = (
        f"generation {pending.generation} is not confirmed yet; `flux config confirm` keeps it, "
        "`flux config rollback` undoes it"
    )
    return Reason("config", why, code=ReasonCode.UNCONFIRMED)


def extended(shared: SharedState, seconds: float) -> None:
    """It is on disk that what is unconfirmed has this much time from now."""
    assert shared.unconfirmed is not None, "while that is written nothing else changes"
    due = shared.now + seconds
    shared.unconfirmed = shared.unconfirmed._replace(due_monotonic=due)
    shared.outbox.wake(due)


def undo_is_due(shared: SharedState) -> bool:
    """True if what is unconfirmed has had its time."""
    pending = shared.unconfirmed
    return pending is not None and shared.now >= pending.due_monotonic


def take_undo(shared: SharedState) -> ChangeRequest:
    """The undo; it is due again UNDO_AGAIN_SECONDS later in case it is refused."""
    pending, running = shared.unconfirmed, shared.running
    assert pending is not None
    assert running is not None
    shared.unconfirmed = pending._replace(due_monotonic=shared.now + limits.UNDO_AGAIN_SECONDS)
    shared.outbox.wake(shared.unconfirmed.due_monotonic)
    shared.outbox.log("unconfirmed", generation=pending.generation)
    who = running.decision.who._replace(command=f"undo of {running.decision.who.command}".strip())
    why = not_confirmed(pending.generation)
    return ChangeRequest(Replacement(pending.before), UNDO, who, message=why)


class ConfirmPhase(StrEnum):
    """How far a confirmation has got."""

    WRITING = "writing"
    """On its way to the disk."""
    CONFIRMED = "confirmed"
    EXTENDED = "extended"
    REFUSED = "refused"


class ConfirmInput(StrEnum):
    """What moves a confirmation."""

    NOTHING = "nothing to confirm"
    WRITTEN = "confirmation on disk"
    WRITTEN_LATER = "later time on disk"
    NOT_WRITTEN = "disk refused"


CONFIRM: Final[Mapping[tuple[ConfirmPhase, ConfirmInput], ConfirmPhase]] = Transitions(
    {
        (ConfirmPhase.WRITING, ConfirmInput.NOTHING): ConfirmPhase.REFUSED,
        (ConfirmPhase.WRITING, ConfirmInput.WRITTEN): ConfirmPhase.CONFIRMED,
        (ConfirmPhase.WRITING, ConfirmInput.WRITTEN_LATER): ConfirmPhase.EXTENDED,
        (ConfirmPhase.WRITING, ConfirmInput.NOT_WRITTEN): ConfirmPhase.REFUSED,
    }
)


class Confirm(Operation):
    """A confirmation, or more time for one, on its way to the disk."""

    TABLE = CONFIRM
    ENDS = frozenset({ConfirmPhase.CONFIRMED, ConfirmPhase.EXTENDED, ConfirmPhase.REFUSED})

    def __init__(
        self, shared: SharedState, client: int, request: ConfirmRequest, asked_at: float
    ) -> None:
        super().__init__(shared)
        self.phase: ConfirmPhase = ConfirmPhase.WRITING
        self.client: int | None = client
        self.extend = request.extend
        self.asked_at = asked_at
        self.deadline = asked_at + request.seconds
        pending = shared.unconfirmed
        if pending is None:
            self._move(ConfirmInput.NOTHING)
            self._answer(Result.REFUSED, "there is nothing to confirm", ReasonCode.NOT_FOUND)
            return
        shared.outbox.wake(self.deadline)
        shared.outbox.log("confirm", generation=pending.generation, extend=request.extend)
        shared.outbox.emit(WriteConfirmation(pending.generation, request.extend))

    def confirmed(self, event: ConfirmationWritten) -> None:
        """The ledger has answered."""
        if event.why:
            self._move(ConfirmInput.NOT_WRITTEN)
            self._answer(Result.REFUSED, f"the confirmation could not be written: {event.why}")
        elif self.extend is not None:
            extended(self.shared, self.extend)
            self._move(ConfirmInput.WRITTEN_LATER)
            self._answer(Result.EXTENDED)
        else:
            self._move(ConfirmInput.WRITTEN)
            self.shared.unconfirmed = None
            self._answer(Result.CONFIRMED)

    def time_passed(self) -> None:
        if not self.over and self.shared.now >= self.deadline:
            self._answer(Result.UNKNOWN, "the ledger's disk has not answered")

    def hung_up(self, client: int) -> None:
        if client == self.client:
            self.client = None

    def stop(self) -> None:
        """The disk may still answer; the client is answered in time, whether it does or not."""
        self.deadline = min(self.deadline, self.shared.now + limits.SHUTDOWN_SECONDS)

    def _answer(self, result: Result, why: str = "", code: ReasonCode = ReasonCode.DISK) -> None:
        if self.client is None:
            return
        reasons = (Reason("config", why, code=code),) if why else ()
        outcome = self.shared.outcome(result, self.asked_at, *reasons)
        if result is Result.EXTENDED:
            outcome = outcome._replace(confirm=self.extend)
        self.outbox.emit(Answer(self.client, outcome))
        self.client = None
