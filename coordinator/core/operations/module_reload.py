# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module's process replaced by a fresh one: same file, same arguments, same runtime values.

Its place on the list is kept all the while.  Where the fresh one does not come up, the place is
marked as failed, with the reasons, because the old one is gone and cannot be had back.
"""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Final

from coordinator.core.members import Member, MemberInput, MemberState
from coordinator.core.operations.one_module import ModuleOperation
from coordinator.core.requests import ModuleReloadRequest
from coordinator.core.results import Result
from protocol import limits
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason
from protocol.transitions import Transitions


class ReloadPhase(StrEnum):
    """How far the replacement of a module's process has got."""

    STOPPING = "stopping"
    """The old process has been sent Shutdown; its death is awaited."""
    KILLING = "killing"
    """The old process was killed; its death is awaited."""
    STARTING = "starting"
    """The new process was started; Join, and Applied after Admit, are awaited."""
    CANCELLING = "cancelling"
    """The new process was killed; its death is awaited."""
    RELOADED = "reloaded"
    FAILED = "failed"
    REFUSED = "refused"


class ReloadInput(StrEnum):
    """What moves the replacement of a module's process."""

    NOT_OURS = "not loaded, or attached"
    KILL = "no connection, deadline, cancelled"
    GONE = "old process gone"
    RUNS = "applied what is in force"
    CANCEL = "declined, deadline"
    DIED = "new process died"
    NOT_DEAD = "not dead in time"
    STOP = "broker stopping"


RELOAD: Final[Mapping[tuple[ReloadPhase, ReloadInput], ReloadPhase]] = Transitions(
    {
        (ReloadPhase.STOPPING, ReloadInput.NOT_OURS): ReloadPhase.REFUSED,
        (ReloadPhase.STOPPING, ReloadInput.KILL): ReloadPhase.KILLING,
        (ReloadPhase.STOPPING, ReloadInput.GONE): ReloadPhase.STARTING,
        (ReloadPhase.STOPPING, ReloadInput.STOP): ReloadPhase.FAILED,
        (ReloadPhase.KILLING, ReloadInput.GONE): ReloadPhase.STARTING,
        (ReloadPhase.KILLING, ReloadInput.NOT_DEAD): ReloadPhase.FAILED,
        (ReloadPhase.KILLING, ReloadInput.STOP): ReloadPhase.FAILED,
        (ReloadPhase.STARTING, ReloadInput.RUNS): ReloadPhase.RELOADED,
        (ReloadPhase.STARTING, ReloadInput.CANCEL): ReloadPhase.CANCELLING,
        (ReloadPhase.STARTING, ReloadInput.DIED): ReloadPhase.FAILED,
        (ReloadPhase.STARTING, ReloadInput.STOP): ReloadPhase.FAILED,
        (ReloadPhase.CANCELLING, ReloadInput.RUNS): ReloadPhase.RELOADED,
        (ReloadPhase.CANCELLING, ReloadInput.DIED): ReloadPhase.FAILED,
        (ReloadPhase.CANCELLING, ReloadInput.NOT_DEAD): ReloadPhase.FAILED,
        (ReloadPhase.CANCELLING, ReloadInput.STOP): ReloadPhase.FAILED,
    }
)
_NEW = frozenset({ReloadPhase.STARTING, ReloadPhase.CANCELLING})
"""The old process is gone."""
_RESULTS: Final = {
    ReloadPhase.RELOADED: Result.RELOADED,
    ReloadPhase.FAILED: Result.FAILED,
    ReloadPhase.REFUSED: Result.REFUSED,
}


class ModuleReload(ModuleOperation[ModuleReloadRequest]):
    """Shutdown and death, then Start, Join, Admit, Applied."""

    TABLE = RELOAD
    RESULTS: ClassVar[Mapping[Any, Result]] = _RESULTS
    START = ReloadPhase.STOPPING
    ENDS = frozenset(_RESULTS)

    def _begin(self) -> None:
        member = self.shared.members.get(self.name)
        why_not = _why_not(self.name, member, self._near())
        if why_not is not None:
            self._move(ReloadInput.NOT_OURS)
            self._close(why_not)
            return
        assert member is not None
        self.member = member
        self.outbox.log("module-reload", module=self.name)
        self._end_the_old(member, self.request.cancel)

    # The old process

    def _end_the_old(self, member: Member, at_once: bool) -> None:
        if not self._retire(member):
            self._start_the_new(member)
            return
        self.until = min(self.deadline, self.shared.now + limits.SHUTDOWN_SECONDS)
        self.outbox.wake(self.until)
        if at_once or not self._ask_to_end(member, "reloaded"):
            self._move(ReloadInput.KILL)
            self._kill(member)

    # The new process

    def _start_the_new(self, member: Member) -> None:
        self._move(ReloadInput.GONE)
        self.until = self.deadline
        self.outbox.wake(self.until)
        member.patience = math.inf
        member.deaths.clear()
        member.why, member.report = "", "{}"
        if self.request.arguments is not None and member.spec is not None:
            member.spec = member.spec._replace(arguments=self.request.arguments)
        self.membership.start(member)

    def settled(self, member: Member) -> None:
        if member is self.member and self.phase in _NEW:
            self._move(ReloadInput.RUNS)
            self._close()

    def left(self, member: Member, reasons: tuple[Reason, ...]) -> None:
        if member is self.member and self.phase in _NEW:
            self.reasons = self.reasons or reasons

    def declined(self, member: Member, reasons: tuple[Reason, ...]) -> bool:
        if member is not self.member or self.phase not in _NEW:
            return False
        self.reasons = reasons or (Reason(self.name, "declined without a reason"),)
        self._cancel(member)
        return True

    def lost(self, member: Member, why: str, dead: bool) -> bool:
        if member is not self.member or not dead or self.over:
            return False
        if self.phase not in _NEW:
            self._start_the_new(member)
        elif member.incarnation:
            return False  # the process lives, and joins anew; the deadline holds as before
        else:
            self._fail(ReloadInput.DIED, member, f"{why} before it was ready", ReasonCode.DIED)
        return True

    # Ends

    def _cancel(self, member: Member) -> None:
        if self.phase is ReloadPhase.STARTING:
            self._move(ReloadInput.CANCEL)
            self._kill(member)

    def _fail(self, given: ReloadInput, member: Member, why: str, code: ReasonCode) -> None:
        """The module is shown as failed, for the reasons known so far, or else for `why`."""
        self._move(given)
        reasons = self.reasons or (Reason(self.name, why, code=code),)
        member.become(MemberState.FAILED, MemberInput.NOT_RELOADED, self.shared.now)
        member.why = f"did not come up when it was reloaded: {reasons[0].message}"
        self.membership.let_go(member, f"{self.name} {member.why}")
        self._close(*reasons)

    def time_passed(self) -> None:
        member = self.member
        if member is None or self.shared.now < self.until:
            return
        match self.phase:
            case ReloadPhase.STOPPING:
                self._move(ReloadInput.KILL)
                self._kill(member)
            case ReloadPhase.STARTING:
                late = f"was not ready within {self.request.seconds:g} s (it is {member.state})"
                self.reasons = self.reasons or (Reason(self.name, late, code=ReasonCode.TIMEOUT),)
                self._cancel(member)
            case ReloadPhase.KILLING | ReloadPhase.CANCELLING:
                self._fail(ReloadInput.NOT_DEAD, member, "cannot be ended", ReasonCode.HUNG)

    def hung_up(self, client: int) -> None:
        if client == self.client:  # what has begun is brought to its end
            self.client = None

    def stop(self) -> None:
        assert self.member is not None, "else it was over when it began"
        self._fail(ReloadInput.STOP, self.member, "the broker is stopping", ReasonCode.STOPPING)


def _why_not(name: str, member: Member | None, near: str) -> Reason | None:
    if member is None:
        return Reason(name, f"is not loaded{near}", code=ReasonCode.NOT_FOUND)
    if member.attached:
        why = "is attached, not loaded: its process is not ours to start anew"
        return Reason(name, why, code=ReasonCode.CONFLICT)
    return None
