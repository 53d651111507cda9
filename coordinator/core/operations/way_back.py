# SPDX-License-Identifier: LGPL-3.0-or-later
"""The way back: a transaction to what ran before, which nobody who is not well can block.

A change may be left only forward or back, so back must always be open: the undo of what was not
confirmed, and a rollback.  Whoever is well is asked, and a real no still refuses it, because nobody
may come to run what a member rejected.  But a member that has failed, that is on its way, or that
does not run what is in force has no vote on leaving it; and one that dies, is cut off or hangs
while it is asked loses the vote that it had.  Once the decision is on disk they are all brought to
it, if need be in a new process, and the answer waits for them as it does for the voters.
"""

from coordinator.core.member_reasons import is_behind
from coordinator.core.members import Member, MemberInput, MemberState, Offered
from coordinator.core.membership import Membership
from coordinator.core.operations.confirm import UNDO
from coordinator.core.operations.transaction import Transaction
from coordinator.core.requests import ChangeRequest
from coordinator.core.state import SharedState
from protocol.reasons import Reason
from protocol.transitions import TransactionState


class WayBack(Transaction):
    """Ask all who are well; bring everybody back."""

    def __init__(
        self,
        shared: SharedState,
        membership: Membership,
        client: int | None,
        request: ChangeRequest,
        asked_at: float,
    ) -> None:
        self.membership = membership
        self.excused: list[Member] = []
        """Who was asked and has lost its vote; it may be prepared, and need an Abort."""
        self.returning: dict[str, Member] = {}
        """Who had no vote and is brought to the result, once that is on disk."""
        super().__init__(shared, client, request, asked_at)
        if request.verb == UNDO:  # nobody has asked for it, and been given a time
            self.outbox.wake(self.deadline)

    def gather(self) -> None:
        """Ask at once: whoever is not well now is not waited for."""
        if self.phase is TransactionState.GATHERING and self.candidate is not None:
            generation = self.shared.generation
            voters = self.shared.members.running()
            self.ask([voter for voter in voters if voter.generation == generation])

    # Preparing: votes that are lost

    def lost(self, member: Member, why: str, dead: bool) -> bool:
        if self.phase is not TransactionState.PREPARING or not self._is_voter(member):
            return super().lost(member, why, dead)
        # A no that was said stays: it is not the death that refuses then.  A yes binds one that is
        # only cut off, and is held for it; a dead one will not keep it.
        if self.ballot.awaits(member.name) or (dead and self.ballot.votes[member.name]):
            self._excuse(member, why)
            self._weigh()
        return False

    def _deadline_passed(self) -> None:
        if self.phase is not TransactionState.PREPARING:
            super()._deadline_passed()
            return
        for member in self._awaited():
            self._excuse(member, f"did not answer within {self.request.seconds:g} s")
        self.looks = False
        self._weigh()

    def _excuse(self, member: Member, why: str) -> None:
        del self.voters[member.name]
        self.ballot.excuse(member.name)
        self.excused.append(member)
        self._note("excused", module=member.name, why=why)

    def _asked(self) -> list[Member]:
        return [*super()._asked(), *self.excused]

    # Committing: everybody is brought to it

    def _bring_along(self) -> None:
        for member in self.shared.members:
            out = member.state in (MemberState.REFUSED, MemberState.LEAVING)
            if out or member.name in self.voters:
                continue
            self.returning[member.name] = member
            self.acknowledgements.expect(member.name)
            if member.attached:
                self._offer(member)
            else:
                self._start_anew(member)

    def _offer(self, member: Member) -> None:
        """An attached one is offered it; no process of it is ours to start anew."""
        if member.peer is None:
            return
        if member.state is MemberState.FAILED:
            member.become(MemberState.JOINING, MemberInput.TAKEN_BACK, self.shared.now)
        self.shared.admit_later(member)

    def _start_anew(self, member: Member) -> None:
        """What it died of is left behind, so it is started at once, as if for the first time.

        One that hangs, over a vote or over what was in force, is killed, and started when its
        death is reported.
        """
        member.deaths.clear()
        if member.state in (MemberState.FAILED, MemberState.RESTARTING):
            self.membership.start_afresh(member)
        elif member.owes is not None or isinstance(member.admission, Offered):
            self.shared.replace_process(member)

    def advance(self) -> None:
        super().advance()
        if self.phase is not TransactionState.COMMITTING:
            return
        for member in self._awaited_back():
            gone = self.shared.members.get(member.name) is not member
            if gone or member.state is MemberState.FAILED:
                self._stays_behind(member)
        self._check_applied()

    def settled(self, member: Member) -> None:
        if self.phase is TransactionState.COMMITTING:
            self.acknowledgements.applied(member.name)
            self._check_applied()

    def declined(self, member: Member, reasons: tuple[Reason, ...]) -> bool:
        if self.phase is TransactionState.COMMITTING:
            why = reasons[0].message if reasons else "gave no reason"
            self.acknowledgements.failed(member.name, f"declined it: {why}")
            self._check_applied()
        return super().declined(member, reasons)

    def time_passed(self) -> None:
        if self.committing_until is not None and self.shared.now >= self.committing_until:
            for member in self._awaited_back():
                self._stays_behind(member)
        super().time_passed()

    def _awaited_back(self) -> list[Member]:
        awaits = self.acknowledgements.awaits
        return [member for name, member in self.returning.items() if awaits(name)]

    def _stays_behind(self, member: Member) -> None:
        behind = is_behind(member, self.shared.generation)
        self.acknowledgements.failed(member.name, behind.message, behind.code)
