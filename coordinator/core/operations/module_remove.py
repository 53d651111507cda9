# SPDX-License-Identifier: LGPL-3.0-or-later
"""Taking a module out of the vote, and ending its process."""

from coordinator.core.members import Member
from coordinator.core.membership import Membership
from coordinator.core.operations.one_module import ModuleOperation
from coordinator.core.requests import (
    RemoveRequest,
)
from coordinator.core.results import Result
from coordinator.core.state import SharedState
from protocol import limits
from protocol.reasons import Reason


class ModuleRemove(ModuleOperation):
    """Shutdown, goodbye; and where that takes too long, the end of the process."""

    def __init__(
        self,
        shared: SharedState,
        membership: Membership,
        client: int | None,
        request: RemoveRequest,
        asked_at: float,
    ) -> None:
        super().__init__(shared, membership, client, request, asked_at)
        self.member = shared.members.get(self.name)
        if self.member is None:
            self._finish(Result.REFUSED, (Reason(self.name, "is not loaded"),))
            return
        shared.note("remove", module=self.name)
        self.until = min(self.deadline, shared.now + limits.SHUTDOWN_SECONDS)
        shared.wake(self.until)
        if self._retire(self.member):
            self._send_away(self.member, "removed by `flux module remove`")
        else:
            self._gone()

    def lost(self, member: Member, why: str, dead: bool) -> bool:  # noqa: ARG002
        if member is self.member and dead and not self.over:
            self._finish(Result.REMOVED)
        return False

    def time_passed(self) -> None:
        if self.over or self.member is None or self.shared.now < self.until:
            return
        if self.member.attached or self.killed:
            self._gone()
        else:
            self._kill(self.member)

    def stop(self) -> None:
        assert self.member is not None
        if not self.killed and not self.member.attached:
            self._kill(self.member)
        self.until = min(self.until, self.shared.now + limits.SHUTDOWN_SECONDS)

    def _gone(self) -> None:
        assert self.member is not None
        self.membership.forget(self.member)
        self._finish(Result.REMOVED)
