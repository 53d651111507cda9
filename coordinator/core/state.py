# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the parts of the coordinator's machine share: its state, and the effects of this step."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from coordinator.core.decisions import Decision, Durable, Receipt, Unconfirmed
from coordinator.core.effects import Effect, Send, Step, TellAdmit, TellCommit, Wake, WriteLog
from coordinator.core.members import Admission, Member, MemberInput, Members, MemberState, Offered
from protocol import limits
from protocol.messages import Abort, Inquire, LedgerId, Prepare, Refuse, Shutdown
from protocol.reasons import Reason


class SharedState:
    """The state that outlives any one activity, and the collector of effects."""

    def __init__(
        self,
        ledger: LedgerId,
        epoch: int,
        life: str,
        running: Durable | None,
        decided: Mapping[str, Receipt],
    ) -> None:
        self.ledger = ledger
        self.epoch = epoch
        self.running = running
        self.files = running.decision.files if running else None
        """Digest of the files' merged content when they were last taken for what runs."""
        self.refused_start: tuple[Reason, ...] = ()
        """Why this life did not start with the files; empty since files were taken again."""
        self.decided = dict(decided)
        self.members = Members()
        self.unconfirmed: Unconfirmed | None = None
        self.now = 0.0
        self._life = life
        self._txids = 0
        self._effects: list[Effect] = []
        self._force: Decision | None = None

    @property
    def authority(self) -> tuple[LedgerId, int]:
        """In whose name this coordinator speaks: the first two fields of all that commands."""
        return self.ledger, self.epoch

    @property
    def generation(self) -> int:
        """The number in force; 0 before the first."""
        return self.running.generation if self.running else 0

    def next_txid(self) -> str:
        """Never used before, and not by a ledger of which this one is an older copy, either.

        The epoch is on disk and grows, the count grows within it; a state directory that was
        restored from a backup comes to the same epoch again, and only `life` tells the two apart.
        """
        self._txids += 1
        return ".".join(filter(None, (str(self.epoch), str(self._txids), self._life)))

    # Effects

    def emit(self, effect: Effect) -> None:
        """Have this done."""
        self._effects.append(effect)

    def force(self, decision: Decision) -> None:
        """Have this decision put on disk after the effects of this step."""
        assert self._force is None, "one decision at a time"
        assert decision.generation == self.generation + 1, "generations are never skipped"
        self._force = decision

    def take_step(self) -> Step:
        """What has come together since the last call."""
        step = Step(tuple(self._effects), self._force)
        self._effects.clear()
        self._force = None
        return step

    def note(self, event: str, **fields: Any) -> None:
        """A line for the log."""
        self.emit(WriteLog(event, (*fields.items(), ("epoch", self.epoch))))

    def wake(self, at: float) -> None:
        """Be woken at this moment."""
        self.emit(Wake(at))

    def send(
        self, members: Iterable[Member], message: Prepare | Abort | Refuse | Shutdown | Inquire
    ) -> None:
        """Send to those of `members` that have a connection."""
        peers = tuple(one.peer for one in members if one.peer is not None)
        if peers:
            self.emit(Send(peers, message))

    # Committed configurations on their way out

    def tell_commit(self, members: Iterable[Member], receipt: Receipt) -> None:
        """Commit to those that have a connection."""
        peers = tuple(one.peer for one in members if one.peer is not None)
        if peers:
            self.emit(TellCommit(peers, receipt))

    def admit(self, member: Member) -> None:
        """Offer `member` what is in force."""
        assert self.running is not None
        assert member.peer is not None
        self.members.admit_to(member, Offered(self.running.generation))
        if member.state is MemberState.JOINING:
            self.expect(member)
        self.emit(TellAdmit(member.peer, member.session, self.running, member.arguments()))

    def expect(self, member: Member) -> None:
        """Give `member` as long as the patience with it lasts to get on."""
        member.deadline = self.now + member.patience
        if math.isfinite(member.deadline):
            self.wake(member.deadline)

    def decide(self, durable: Durable) -> None:
        """Take note of what the ledger holds now; those who had no say in it are asked anew."""
        assert durable.generation == self.generation + 1
        before, self.running = self.running, durable
        seconds = durable.decision.confirm
        self.files = durable.decision.files
        self.unconfirmed = None
        if seconds is not None and before is not None:
            due = self.now + seconds
            self.unconfirmed = Unconfirmed(durable.generation, before.configuration, due)
            self.wake(due)
        self.decided[durable.receipt.txid] = durable.receipt
        if len(self.decided) > limits.DECISIONS_KNOWN:
            del self.decided[next(iter(self.decided))]
        for member in self.members:
            if member.name in durable.decision.members or member.peer is None:
                continue
            if member.state is MemberState.RUNNING:
                # It came to run the generation before while others were voting on this one.
                member.become(MemberState.JOINING, MemberInput.OVERTAKEN, self.now)
                self._admit_later(member)
            elif member.state is MemberState.REFUSED:
                self._admit_later(member)

    def _admit_later(self, member: Member) -> None:
        """One question at a time: one that has been offered what ran before answers that first."""
        if not isinstance(member.admission, Offered):
            self.members.admit_to(member, Admission.WAITING)
