# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the parts of the coordinator's machine share."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from coordinator.core.decisions import Durable, Provisional, Receipt, Unconfirmed
from coordinator.core.effects import Kill, RecordFilesDigest, RecordKept, TellAdmit
from coordinator.core.members import Admission, Member, MemberInput, Members, MemberState, Offered
from coordinator.core.outbox import Outbox
from coordinator.core.results import Outcome, Result
from protocol import limits
from protocol.messages import LedgerId, Shutdown
from protocol.reasons import Reason


class FailedChange(NamedTuple):
    """A committed change that a member could not apply, and that is to be undone."""

    provisional: Provisional
    outcome: Outcome
    """What its client would be told if it stood."""
    client: int | None
    """Who waits to hear what becomes of it."""
    due_monotonic: float


class SharedState:
    """The state that outlives any one operation, and the outbox of the present step."""

    def __init__(
        self,
        ledger: LedgerId,
        epoch: int,
        life: str,
        running: Durable | None,
        decided: Mapping[str, Receipt],
        undo_failures: bool,
    ) -> None:
        self.ledger = ledger
        self.epoch = epoch
        self.running = running
        self.refused_start: tuple[Reason, ...] = ()
        """Why this life did not start with the files; empty since files were taken again."""
        self.decided = dict(decided)
        self.members = Members()
        self.unconfirmed: Unconfirmed | None = None
        self.undo_failures = undo_failures
        """Whether a change that a member cannot apply is undone."""
        self.provisional: Provisional | None = None
        self.unfinished = False
        """Whether `provisional` is of a former life, and nobody knows who has applied it."""
        self.failed_change: FailedChange | None = None
        self.now = 0.0
        self._life = life
        self._txids = 0
        self._tickets = 0
        self.outbox = Outbox(epoch)

    @property
    def authority(self) -> tuple[LedgerId, int]:
        """In whose name this coordinator speaks: the first two fields of all that commands."""
        return self.ledger, self.epoch

    @property
    def generation(self) -> int:
        """The number in force; 0 before the first."""
        return self.running.generation if self.running else 0

    @property
    def files(self) -> str | None:
        """Digest of the files' merged content when they were last taken for what runs, if ever."""
        return self.running.decision.files if self.running else None

    def outcome(self, result: Result, asked_at: float, *reasons: Reason) -> Outcome:
        """An answer about what runs, to what was asked at `asked_at` (the machine's clock)."""
        return Outcome(
            result,
            self.generation,
            reasons=reasons,
            digest=self.running.configuration.digest if self.running else "",
            seconds=self.now - asked_at,
        )

    def files_are_in_force(self, digest: str) -> None:
        """The files were read, and say what runs already: nothing is to be decided."""
        assert self.running is not None
        decision = self.running.decision._replace(files=digest)
        self.running = self.running._replace(decision=decision)
        self.refused_start = ()
        self.outbox.emit(RecordFilesDigest(self.generation, digest))

    def next_ticket(self) -> int:
        """For one start of a process, or the watch over one; never used twice in a life."""
        self._tickets += 1
        return self._tickets

    def next_txid(self) -> str:
        """Never used before, and not by a ledger of which this one is an older copy, either.

        The epoch is on disk and grows, the count grows within it; a state directory that was
        restored from a backup comes to the same epoch again, and only `life` tells the two apart.
        """
        self._txids += 1
        return ".".join(filter(None, (str(self.epoch), str(self._txids), self._life)))

    def keep(self) -> None:
        """All who are there have applied what is in force: it stays."""
        if self.provisional is not None:
            self.outbox.emit(RecordKept(self.provisional.generation))
            self.provisional = None

    def undo_later(self, outcome: Outcome, client: int | None, seconds: float = 0.0) -> None:
        """What is in force is to be undone, in `seconds`, before anything else is begun."""
        assert self.provisional is not None
        due = self.now + seconds
        self.failed_change = FailedChange(self.provisional, outcome, client, due)
        self.outbox.wake(due)

    # Members on their way to what is in force

    def admit(self, member: Member) -> None:
        """Offer `member` what is in force."""
        assert self.running is not None
        assert member.peer is not None
        self.members.admit_to(member, Offered(self.running.generation))
        if member.state is MemberState.JOINING:
            self.expect(member)
        self.outbox.emit(TellAdmit(member.peer, member.session, self.running, member.arguments()))

    def dismiss(self, member: Member, why: str) -> None:
        """Send it away, if it has a connection."""
        self.outbox.send([member], Shutdown(*self.authority, member.session, why))

    def expect(self, member: Member) -> None:
        """Set the deadline of the state that `member` is in."""
        member.deadline = self.now + member.patience
        if math.isfinite(member.deadline):
            self.outbox.wake(member.deadline)

    def replace_process(self, member: Member) -> None:
        """`member` voted yes and has not applied the change: its process, if ours, starts anew.

        It is started when the death of the old process is reported.
        """
        if not member.attached and member.state is not MemberState.LEAVING:
            member.become(MemberState.JOINING, MemberInput.REPLACE, self.now)
            self.outbox.emit(Kill(member.name, member.ticket))

    def decide(self, durable: Durable) -> None:
        """`durable` is in force; members that had no vote on it are to be admitted to it."""
        assert durable.generation == self.generation + 1
        before, self.running = self.running, durable
        seconds = durable.decision.confirm
        self.unconfirmed = self.provisional = self.failed_change = None
        self.unfinished = False
        if durable.decision.provisional and before is not None:
            self.provisional = Provisional(durable.generation, before.configuration)
        if seconds is not None and before is not None:
            due = self.now + seconds
            self.unconfirmed = Unconfirmed(durable.generation, before.configuration, due)
            self.outbox.wake(due)
        self.decided[durable.receipt.txid] = durable.receipt
        if len(self.decided) > limits.DECISIONS_KNOWN:
            del self.decided[next(iter(self.decided))]
        for member in self.members:
            if member.name in durable.decision.members or member.peer is None:
                continue
            if member.state is MemberState.RUNNING:
                # It was admitted to the generation before while others voted on this one.
                member.become(MemberState.JOINING, MemberInput.OVERTAKEN, self.now)
                self.admit_later(member)
            elif member.state is MemberState.REFUSED:
                self.admit_later(member)

    def admit_later(self, member: Member) -> None:
        """One question at a time: one that has been offered what ran before answers that first."""
        if not isinstance(member.admission, Offered):
            self.members.admit_to(member, Admission.WAITING)
