# SPDX-License-Identifier: LGPL-3.0-or-later
"""Loading a module: a transaction with one voter."""

from coordinator.core.members import Member, MemberInput, MemberState
from coordinator.core.membership import Membership
from coordinator.core.operations.one_module import ModuleOperation
from coordinator.core.requests import (
    LoadRequest,
)
from coordinator.core.results import Result
from coordinator.core.state import SharedState
from protocol.reasons import Reason


class ModuleLoad(ModuleOperation):
    """Start, Join, Admit, Applied: or the module is as if it had never been."""

    def __init__(
        self,
        shared: SharedState,
        membership: Membership,
        client: int | None,
        request: LoadRequest,
        asked_at: float,
    ) -> None:
        super().__init__(shared, membership, client, request, asked_at)
        self.refusal: tuple[Reason, ...] = ()
        there = shared.members.get(self.name)
        if there is not None and there.state is MemberState.FAILED and not there.attached:
            shared.members.remove(there)
            there = None
        if there is not None:
            why = Reason(self.name, f"is loaded already ({there.state})")
            self._finish(Result.REFUSED, (why,))
            return
        shared.note("load", module=self.name, path=request.spec.path)
        self.member = membership.add_ours(self.name, request.spec)

    def settled(self, member: Member) -> None:
        if member is self.member:
            self._finish(Result.LOADED)

    def left(self, member: Member, reasons: tuple[Reason, ...]) -> None:
        if member is self.member:
            self.refusal = self.refusal or reasons

    def declined(self, member: Member, reasons: tuple[Reason, ...]) -> bool:
        if member is not self.member:
            return False
        self._cancel(reasons or (Reason(self.name, "declined without a reason"),))
        return True

    def lost(self, member: Member, why: str, dead: bool) -> bool:
        if member is not self.member or not dead:
            return False
        member.become(MemberState.LEAVING, MemberInput.REMOVE, self.shared.now)
        self._finish(
            Result.REFUSED, self.refusal or (Reason(self.name, f"{why} before it was ready"),)
        )
        return True

    def time_passed(self) -> None:
        if self.member is None or self.over or self.shared.now < self.until:
            return
        if self.refusal:  # killed, and still not gone
            self._finish(Result.REFUSED, self.refusal)
            return
        took = f"was not ready within {self.deadline - self.asked_at:g} s"
        self._cancel((Reason(self.name, f"{took} (it is {self.member.state})"),))

    def hung_up(self, client: int) -> None:
        if client == self.client:
            self.client = None
            self._cancel((Reason(self.name, "the client went away"),))

    def stop(self) -> None:
        self._cancel((Reason(self.name, "the broker is stopping"),))

    def _cancel(self, reasons: tuple[Reason, ...]) -> None:
        """End the process; the answer follows its death, so that the name is free again."""
        assert self.member is not None
        self.refusal = self.refusal or reasons
        self._retire(self.member)
        self._kill(self.member)
