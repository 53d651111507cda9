# SPDX-License-Identifier: LGPL-3.0-or-later
"""Loading a module: a transaction with one voter."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from coordinator.core.effects import RecordVoter
from coordinator.core.members import Member, MemberInput, MemberState
from coordinator.core.operations.one_module import ModuleOperation
from coordinator.core.requests import LoadRequest
from coordinator.core.results import Result
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason
from protocol.transitions import Transitions


class LoadPhase(StrEnum):
    """How far the loading of a module has got."""

    STARTING = "starting"
    """Its process was started; Join, and Applied after Admit, are awaited."""
    CANCELLING = "cancelling"
    """It was killed; its death is awaited, so that the name is free when the client is answered."""
    LOADED = "loaded"
    REFUSED = "refused"


class LoadInput(StrEnum):
    """What moves the loading of a module."""

    TAKEN = "loaded already"
    RUNS = "applied what is in force"
    CANCEL = "declined, deadline, client gone, broker stopping"
    DIED = "died"
    NOT_DEAD = "not dead in time"


LOAD: Final[Mapping[tuple[LoadPhase, LoadInput], LoadPhase]] = Transitions(
    {
        (LoadPhase.STARTING, LoadInput.TAKEN): LoadPhase.REFUSED,
        (LoadPhase.STARTING, LoadInput.RUNS): LoadPhase.LOADED,
        (LoadPhase.STARTING, LoadInput.CANCEL): LoadPhase.CANCELLING,
        (LoadPhase.STARTING, LoadInput.DIED): LoadPhase.REFUSED,
        (LoadPhase.CANCELLING, LoadInput.DIED): LoadPhase.REFUSED,
        (LoadPhase.CANCELLING, LoadInput.NOT_DEAD): LoadPhase.REFUSED,
    }
)
_RESULTS: Final = {
    LoadPhase.LOADED: Result.LOADED,
    LoadPhase.REFUSED: Result.REFUSED,
}


class ModuleLoad(ModuleOperation[LoadRequest]):
    """Start, Join, Admit, Applied: or all is as if it had never been, a failed namesake, too."""

    TABLE = LOAD
    RESULTS = _RESULTS
    START = LoadPhase.STARTING
    ENDS = frozenset(_RESULTS)

    def _begin(self) -> None:
        members, spec = self.shared.members, self.request.spec
        namesake = members.get(self.name)
        if namesake is not None and namesake.state is MemberState.FAILED and not namesake.attached:
            members.remove(namesake)
        elif namesake is not None:
            self._move(LoadInput.TAKEN)
            why = f"is loaded already ({namesake.state})"
            self._close(Reason(self.name, why, code=ReasonCode.CONFLICT))
            return
        self.outbox.log("load", module=self.name, path=spec.path)
        self.member = self.membership.add_ours(self.name, spec)
        self.member.replaces = namesake

    def settled(self, member: Member) -> None:
        if member is self.member and self.phase is LoadPhase.STARTING:
            self._move(LoadInput.RUNS)
            self.outbox.emit(RecordVoter(self.name, present=True))
            self._close()

    def left(self, member: Member, reasons: tuple[Reason, ...]) -> None:
        if member is self.member:
            self.reasons = self.reasons or reasons

    def declined(self, member: Member, reasons: tuple[Reason, ...]) -> bool:
        if member is not self.member or self.over:
            return False
        self._cancel(*(reasons or (Reason(self.name, "declined without a reason"),)))
        return True

    def lost(self, member: Member, why: str, dead: bool) -> bool:
        if member is self.member and dead and not self.over:
            member.become(MemberState.LEAVING, MemberInput.REMOVE, self.shared.now)
            self._move(LoadInput.DIED)
            early = Reason(self.name, f"{why} before it was ready", code=ReasonCode.DIED)
            self._close(*(self.reasons or (early,)))
        return False

    def time_passed(self) -> None:
        if self.member is None or self.shared.now < self.until:
            return
        if self.phase is LoadPhase.STARTING:
            late = f"was not ready within {self.deadline - self.asked_at:g} s"
            why = f"{late} (it is {self.member.state})"
            self._cancel(Reason(self.name, why, code=ReasonCode.TIMEOUT))
        elif self.phase is LoadPhase.CANCELLING:
            self._move(LoadInput.NOT_DEAD)
            self._close(*self.reasons)

    def hung_up(self, client: int) -> None:
        if client == self.client:
            self.client = None
            self._cancel(Reason(self.name, "the client went away", code=ReasonCode.WITHDRAWN))

    def stop(self) -> None:
        self._cancel(Reason(self.name, "the broker is stopping", code=ReasonCode.STOPPING))

    def _cancel(self, *reasons: Reason) -> None:
        """Kill the process; the answer follows its death, so that the name is free again."""
        if self.phase is not LoadPhase.STARTING:
            return
        assert self.member is not None
        self._move(LoadInput.CANCEL)
        self.reasons = self.reasons or reasons
        self._retire(self.member)
        self._kill(self.member)
