# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module's process replaced by a fresh one: same file, same arguments, same runtime values.

Its place on the list is kept all the while.  Where the fresh one does not come up, the place is
marked as failed, with the reasons, because the old one is gone and cannot be had back.
"""

import math

from coordinator.core.members import Member, MemberInput, MemberState
from coordinator.core.membership import Membership
from coordinator.core.operations.one_module import ModuleOperation
from coordinator.core.requests import ModuleReloadRequest
from coordinator.core.results import Result
from coordinator.core.state import SharedState
from protocol import limits
from protocol.reasons import Reason


class ModuleReload(ModuleOperation):
    """Shutdown and death, then Start, Join, Admit, Applied."""

    def __init__(
        self,
        shared: SharedState,
        membership: Membership,
        client: int | None,
        request: ModuleReloadRequest,
        asked_at: float,
    ) -> None:
        super().__init__(shared, membership, client, request, asked_at)
        self.allowed = request.seconds
        self.refusal: tuple[Reason, ...] = ()
        self.coming = False
        """Whether the old process is gone."""
        member = shared.members.get(self.name)
        why_not = _why_not(member)
        if member is None or why_not:
            self._finish(Result.REFUSED, (Reason(self.name, why_not),))
            return
        self.member = member
        shared.note("module-reload", module=self.name)
        self._end_the_old(member)

    # Out with the old

    def _end_the_old(self, member: Member) -> None:
        if not self._retire(member):
            self._start_the_new(member)
            return
        self.until = min(self.deadline, self.shared.now + limits.SHUTDOWN_SECONDS)
        self.shared.wake(self.until)
        self._send_away(member, "reloaded")

    # In with the new

    def _start_the_new(self, member: Member) -> None:
        self.coming, self.killed, self.until = True, False, self.deadline
        self.shared.wake(self.until)
        member.patience = math.inf
        member.deaths.clear()
        member.why, member.report = "", "{}"
        self.membership.start(member)

    def settled(self, member: Member) -> None:
        if member is self.member and self.coming:
            self._finish(Result.RELOADED)

    def left(self, member: Member, reasons: tuple[Reason, ...]) -> None:
        if member is self.member and self.coming:
            self.refusal = self.refusal or reasons

    def declined(self, member: Member, reasons: tuple[Reason, ...]) -> bool:
        if member is not self.member or not self.coming:
            return False
        self.refusal = reasons or (Reason(self.name, "declined without a reason"),)
        self._kill(member)
        return True

    def lost(self, member: Member, why: str, dead: bool) -> bool:
        if member is not self.member or not dead or self.over:
            return False
        if not self.coming:
            self._start_the_new(member)
        elif member.incarnation:
            return False  # its process is there, and begins anew; the deadline holds as before
        else:
            self._fail(member, (Reason(self.name, f"{why} before it was ready"),))
        return True

    # Ends

    def _fail(self, member: Member, reasons: tuple[Reason, ...]) -> None:
        told = self.refusal or reasons
        member.become(MemberState.FAILED, MemberInput.NOT_RELOADED, self.shared.now)
        member.pid = 0
        member.why = f"did not come up when it was reloaded: {told[0].message}"
        self._finish(Result.FAILED, told)

    def time_passed(self) -> None:
        if self.over or self.member is None or self.shared.now < self.until:
            return
        if self.killed:  # and still not gone; nothing more can be done about it
            self._fail(self.member, (Reason(self.name, "cannot be ended"),))
            return
        if self.coming:
            took = f"was not ready within {self.allowed:g} s (it is {self.member.state})"
            self.refusal = self.refusal or (Reason(self.name, took),)
        self._kill(self.member)

    def hung_up(self, client: int) -> None:
        if client == self.client:  # what has begun is brought to its end
            self.client = None

    def stop(self) -> None:
        if self.member is not None and not self.over:
            self._fail(self.member, (Reason(self.name, "the broker is stopping"),))


def _why_not(member: Member | None) -> str:
    if member is None:
        return "is not loaded"
    if member.attached:
        return "is attached, not loaded: its process is not ours to start anew"
    return ""
