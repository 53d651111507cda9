# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is done to one module: a client, a deadline, a member, one answer."""

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
from coordinator.core.results import Outcome, Result
from coordinator.core.state import SharedState
from protocol import limits
from protocol.messages import Shutdown
from protocol.reasons import Reason


class ModuleOperation(Operation):
    """What is done to one module: a client, a deadline, a member, one answer."""

    def __init__(
        self,
        shared: SharedState,
        membership: Membership,
        client: int | None,
        request: ConfigureRequest | LoadRequest | ModuleReloadRequest | RemoveRequest,
        asked_at: float,
    ) -> None:
        super().__init__(shared)
        self.membership = membership
        self.client = client
        self.name = request.name
        self.asked_at = asked_at
        self.deadline = asked_at + request.seconds
        self.until = self.deadline
        """When the patience with what is being done right now ends."""
        self.killed = False
        self.member: Member | None = None

    def _retire(self, member: Member) -> bool:
        """Take it out of the vote; whether there is anything left to be ended."""
        nobody = not member.pid or member.state in (MemberState.FAILED, MemberState.RESTARTING)
        member.become(MemberState.LEAVING, MemberInput.REMOVE, self.shared.now)
        if member.admission is Admission.WAITING:
            self.shared.members.admit_to(member, Admission.NONE)
        return not nobody or member.peer is not None

    def _send_away(self, member: Member, why: str) -> None:
        """Ask it to go; one that cannot be asked is ended."""
        if member.peer is None:
            self._kill(member)
        else:
            self.shared.send([member], Shutdown(*self.shared.authority, why))

    def _kill(self, member: Member) -> None:
        """End its process, and give it a moment to be gone."""
        self.killed = True
        self.shared.emit(Kill(self.name, member.pid))
        self.until = self.shared.now + limits.SHUTDOWN_SECONDS
        self.shared.wake(self.until)

    def _finish(self, result: Result, reasons: tuple[Reason, ...] = ()) -> None:
        """Answer, once, and let others have their turn."""
        if self.over:
            return
        self.over = True
        elapsed = self.shared.now - self.asked_at
        self.shared.note("end", module=self.name, result=str(result), elapsed=elapsed)
        if self.client is not None:
            running = self.shared.running
            digest = running.configuration.digest if running else ""
            missed = (self.name,) if result is Result.PARTIAL else ()
            outcome = Outcome(
                result, self.shared.generation, "", reasons, digest, 1, missed, elapsed
            )
            self.shared.emit(Answer(self.client, outcome))
            self.client = None
