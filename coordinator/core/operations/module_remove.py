# SPDX-License-Identifier: LGPL-3.0-or-later
"""Taking a module out of the vote, and ending its process."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from coordinator.core.effects import RecordVoter
from coordinator.core.members import Member
from coordinator.core.operations.one_module import ModuleOperation
from coordinator.core.requests import RemoveRequest
from coordinator.core.results import Result
from protocol import limits
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason
from protocol.transitions import Transitions


class RemovePhase(StrEnum):
    """How far the removal of a module has got."""

    STOPPING = "stopping"
    """It has been sent Shutdown; its death, or its Leave if it is attached, is awaited."""
    KILLING = "killing"
    """Its process was killed; its death is awaited."""
    REMOVED = "removed"
    ABSENT = "absent"
    """It was not there, and whoever asked is content with that."""
    REFUSED = "refused"


class RemoveInput(StrEnum):
    """What moves the removal of a module."""

    UNKNOWN = "not loaded"
    UNKNOWN_FORCED = "not loaded (forced)"
    KILL = "no connection, deadline, cancelled, broker stopping"
    GONE = "gone"
    GIVEN_UP = "deadline (attached)"
    NOT_DEAD = "not dead in time"


REMOVE: Final[Mapping[tuple[RemovePhase, RemoveInput], RemovePhase]] = Transitions(
    {
        (RemovePhase.STOPPING, RemoveInput.UNKNOWN): RemovePhase.REFUSED,
        (RemovePhase.STOPPING, RemoveInput.UNKNOWN_FORCED): RemovePhase.ABSENT,
        (RemovePhase.STOPPING, RemoveInput.KILL): RemovePhase.KILLING,
        (RemovePhase.STOPPING, RemoveInput.GONE): RemovePhase.REMOVED,
        (RemovePhase.STOPPING, RemoveInput.GIVEN_UP): RemovePhase.REMOVED,
        (RemovePhase.KILLING, RemoveInput.GONE): RemovePhase.REMOVED,
        (RemovePhase.KILLING, RemoveInput.NOT_DEAD): RemovePhase.REMOVED,
    }
)
_RESULTS: Final = {
    RemovePhase.REMOVED: Result.REMOVED,
    RemovePhase.ABSENT: Result.UNCHANGED,
    RemovePhase.REFUSED: Result.REFUSED,
}


class ModuleRemove(ModuleOperation[RemoveRequest]):
    """Shutdown, goodbye; and where that takes too long, the end of the process."""

    TABLE = REMOVE
    RESULTS = _RESULTS
    START = RemovePhase.STOPPING
    ENDS = frozenset(_RESULTS)

    def _begin(self) -> None:
        self.member = self.shared.members.get(self.name)
        if self.member is None and self.request.force:
            self._move(RemoveInput.UNKNOWN_FORCED)
            self._close()
            return
        if self.member is None:
            self._move(RemoveInput.UNKNOWN)
            why = f"is not loaded{self._near()}"
            self._close(Reason(self.name, why, code=ReasonCode.NOT_FOUND))
            return
        self.outbox.log("remove", module=self.name)
        self.member.replaces = None
        if not self.member.attached:
            self.outbox.emit(RecordVoter(self.name, present=False))
        self.until = min(self.deadline, self.shared.now + limits.SHUTDOWN_SECONDS)
        self.outbox.wake(self.until)
        if not self._retire(self.member):
            self._forget(self.member, RemoveInput.GONE)
        elif (self.request.cancel and not self.member.attached) or not self._ask_to_end(
            self.member, "removed by `flux module remove`"
        ):
            self._end(self.member)

    def lost(self, member: Member, why: str, dead: bool) -> bool:  # noqa: ARG002
        if member is self.member and dead and not self.over:
            self._move(RemoveInput.GONE)
            self._close()
        return False

    def time_passed(self) -> None:
        if self.member is None or self.shared.now < self.until:
            return
        if self.phase is RemovePhase.KILLING:
            self._forget(self.member, RemoveInput.NOT_DEAD)
        elif self.phase is RemovePhase.STOPPING and self.member.attached:
            self._forget(self.member, RemoveInput.GIVEN_UP)
        elif self.phase is RemovePhase.STOPPING:
            self._end(self.member)

    def stop(self) -> None:
        assert self.member is not None
        if self.phase is RemovePhase.STOPPING and not self.member.attached:
            self._end(self.member)
        self.until = min(self.until, self.shared.now + limits.SHUTDOWN_SECONDS)

    def _end(self, member: Member) -> None:
        self._move(RemoveInput.KILL)
        self._kill(member)

    def _forget(self, member: Member, given: RemoveInput) -> None:
        self.membership.forget(member)
        self._move(given)
        self._close()
