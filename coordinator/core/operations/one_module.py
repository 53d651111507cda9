# SPDX-License-Identifier: LGPL-3.0-or-later
"""Base of the operations on one module: a client, a deadline, a member, one answer."""

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from coordinator.core.effects import Answer, Kill
from coordinator.core.members import Admission, Member, MemberInput, MemberState
from coordinator.core.membership import Membership
from coordinator.core.operation import Operation
from coordinator.core.requests import (
    ConfigureRequest,
    LoadRequest,
    ModuleReloadRequest,
    RemoveRequest,
)
from coordinator.core.results import Result
from coordinator.core.state import SharedState
from protocol import limits
from protocol.messages import Applied
from protocol.nearest import did_you_mean
from protocol.reasons import Reason

AnyRequest = TypeVar(
    "AnyRequest", bound=ConfigureRequest | LoadRequest | ModuleReloadRequest | RemoveRequest
)


class ModuleOperation(Operation, Generic[AnyRequest]):
    """An operation on one module, which begins as soon as it is made."""

    START: ClassVar[Any]
    """The phase in which it begins."""
    RESULTS: ClassVar[Mapping[Any, Result]]
    """What the client is answered, by the phase in which the operation is over."""

    def __init__(
        self,
        shared: SharedState,
        membership: Membership,
        client: int | None,
        request: AnyRequest,
        asked_at: float,
    ) -> None:
        super().__init__(shared)
        self.phase = self.START
        self.membership = membership
        self.client = client
        self.request = request
        self.name = request.name
        self.asked_at = asked_at
        self.deadline = asked_at + request.seconds
        self.until = self.deadline
        """The deadline of the present phase (machine's clock)."""
        self.reasons: tuple[Reason, ...] = ()
        """Why it is refused, or fails, once that is known: the first word counts."""
        self.warnings: tuple[Reason, ...] = ()
        """What it said without refusing."""
        self.member: Member | None = None
        self._begin()

    def _begin(self) -> None:
        """Do all that can be done without a further event."""
        raise NotImplementedError

    def applied(self, member: Member, applied: Applied) -> None:
        if member is self.member:
            self.warnings = applied.warnings

    def _near(self) -> str:
        """Which name may have been meant, where there is no such module."""
        return did_you_mean(self.name, (member.name for member in self.shared.members))

    def _retire(self, member: Member) -> bool:
        """Stop counting its vote.  Returns True if a process or connection is left to close."""
        nobody = not member.ticket or member.state in (MemberState.FAILED, MemberState.RESTARTING)
        member.become(MemberState.LEAVING, MemberInput.REMOVE, self.shared.now)
        assert member.admission is not Admission.WAITING, "all are admitted before this begins"
        return not nobody or member.peer is not None

    def _ask_to_end(self, member: Member, why: str) -> bool:
        """Send Shutdown.  Returns False if it has no connection and must be killed instead."""
        if member.peer is None:
            return False
        self.shared.dismiss(member, why)
        return True

    def _kill(self, member: Member) -> None:
        """Kill its process, and allow some time until its death is reported."""
        self.outbox.emit(Kill(self.name, member.ticket))
        self.until = self.shared.now + limits.SHUTDOWN_SECONDS
        self.outbox.wake(self.until)

    def _close(self, *reasons: Reason) -> None:
        """Answer; to be called once, when the operation has got to one of its ends."""
        result = self.RESULTS[self.phase]
        elapsed = self.shared.now - self.asked_at
        self.outbox.log("end", module=self.name, result=str(result), elapsed=elapsed)
        if self.client is not None:
            outcome = self.shared.outcome(result, self.asked_at, *reasons)._replace(
                asked=int(self.member is not None),
                not_applied=(self.name,) if result is Result.PARTIAL else (),
                warnings=self.warnings,
            )
            self.outbox.emit(Answer(self.client, outcome))
