# SPDX-License-Identifier: LGPL-3.0-or-later
"""One change from candidate to answer: two-phase commit with presumed abort, pure.

See Gray & Lamport, "Consensus on Transaction Commit", 2006, section 3.  The rules are few.  The
voters are fixed when Prepare is sent.  A yes is binding, a no is final, a loss or a deadline is a
no.  A no does not end the vote: the others are waited for, so that the client gets all reasons at
once.  Commit is sent only after the ledger has answered, and once the decision is on its way to the
disk nothing but the disk can stop it.
"""

from coordinator.core.acknowledgements import Acknowledgements
from coordinator.core.ballot import Ballot, Tally
from coordinator.core.decisions import Decision, Durable
from coordinator.core.effects import (
    RecordAttempt,
    RecordNotApplied,
    RecordWarnings,
    WriteConfirmation,
)
from coordinator.core.events import ConfirmationWritten
from coordinator.core.member_reasons import (
    has_failed,
    is_behind,
    is_late,
    is_refused,
    is_unsettled,
)
from coordinator.core.members import UNSETTLED, Member, MemberState
from coordinator.core.operations.change_operation import ChangeOperation
from coordinator.core.operations.confirm import UNDO, extended, why_unconfirmed
from coordinator.core.operations.outcome import RESULTS, outcome_of, unknown_outcome
from coordinator.core.requests import ChangeRequest
from coordinator.core.state import SharedState
from protocol import limits
from protocol.configuration import Configuration
from protocol.messages import Abort, Applied, Prepare, Vote
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason, Refusal
from protocol.transitions import TRANSACTION, TransactionInput, TransactionState

_UNDECIDED = frozenset({TransactionState.GATHERING, TransactionState.PREPARING})


class Transaction(ChangeOperation):
    """One attempt to move from what runs to a candidate."""

    TABLE = TRANSACTION
    ENDS = frozenset(RESULTS)

    def __init__(
        self, shared: SharedState, client: int | None, request: ChangeRequest, asked_at: float
    ) -> None:
        self.phase: TransactionState = TransactionState.GATHERING
        self.voters: dict[str, Member] = {}
        self.ballot = Ballot(())
        self.acknowledgements = Acknowledgements(())
        self.warnings: list[Reason] = []
        self.committing_until: float | None = None
        self.unable: set[str] = set()
        """Voters that are there, and cannot apply it; one that is gone is none of them."""
        super().__init__(shared, client, request, asked_at)

    @property
    def blocks_admission(self) -> bool:
        return self.phase in (TransactionState.PREPARING, TransactionState.FORCING)

    @property
    def undecided(self) -> bool:
        """Whether it can still be withdrawn."""
        return self.phase in _UNDECIDED

    @property
    def provisional(self) -> bool:
        """Whether it is undone where a voter cannot apply it; an undo itself stands."""
        return self.shared.undo_failures and self.request.verb != UNDO

    @property
    def awaited(self) -> frozenset[str]:
        """Whose vote, later whose Applied, is not here yet."""
        if self.phase is TransactionState.COMMITTING:
            return self.acknowledgements.missing()
        return self.ballot.missing()

    def _awaited(self) -> list[Member]:
        names = self.awaited
        return [member for name, member in self.voters.items() if name in names]

    def will_decide(self, txid: str) -> bool:
        return txid == self.txid and self.phase in (
            TransactionState.PREPARING,
            TransactionState.FORCING,
        )

    # Gathering: until there is a candidate, and no member is about to change its state

    def proposed(self, found: Configuration | Refusal) -> None:
        """The candidate has been made, or there are reasons why it cannot be."""
        if self.phase is not TransactionState.GATHERING or self.candidate is not None:
            return
        if isinstance(found, Refusal):
            self._abort(TransactionInput.UNREADABLE, found.reasons)
            return
        self.candidate = found
        running = self.shared.running
        if running is not None and running.configuration == found:
            self._same(found)
            return
        # What is asked for with --confirm may be more time for what is unconfirmed; this is not.
        why_not = (
            why_unconfirmed(self.shared, self.request) if self.request.confirm is not None else None
        )
        if why_not is not None:
            self._abort(TransactionInput.UNREADABLE, (why_not,))
            return
        self.gather()

    def advance(self) -> None:
        self.gather()
        self._check_settled()

    def gather(self) -> None:
        """Ask all members once there is a candidate and none of them is unsettled."""
        if self.phase is not TransactionState.GATHERING or self.candidate is None:
            return
        members = list(self.shared.members)
        failed = [member for member in members if member.state is MemberState.FAILED]
        if failed:
            self._abort(TransactionInput.REFUSED, tuple(has_failed(member) for member in failed))
        elif not any(member.state in UNSETTLED for member in members):
            self.ask(self.shared.members.running())

    def ask(self, voters: list[Member]) -> None:
        """Prepare to all `voters` at once; from here on they are the members of this change."""
        self._move(TransactionInput.ASK)
        self._compare()
        self.voters = {voter.name: voter for voter in voters}
        self.ballot = Ballot(self.voters)
        self._prepare([voter for voter in voters if voter.owes is None])
        self._probe([voter for voter in voters if voter.owes not in (None, self.txid)])
        self._note("prepare", members=len(voters))
        self._weigh()

    def unread(self, found: tuple[Reason, ...]) -> None:
        """What nobody reads of the candidate is known."""
        if self.phase is TransactionState.PREPARING and self.looks:
            self.looks = False
            self.unread_keys = found
            self._weigh()

    def _prepare(self, members: list[Member]) -> None:
        assert self.candidate is not None
        for member in members:
            member.owes, member.owes_since = self.txid, self.shared.now
        message = Prepare(
            *self.shared.authority,
            self.txid,
            self.shared.generation,
            self.candidate.digest,
            self.candidate.encoded,
            max(0.0, self.deadline - self.shared.now),
            self.request.dry_run,
        )
        self._send_prepare(members, message)

    def _send_prepare(self, members: list[Member], message: Prepare) -> None:
        """The same to all: whoever is a member has its own values already."""
        self.outbox.send(members, message)

    def _probe(self, silent: list[Member]) -> None:
        """Repeat the Abort of what they still owe a vote on, to find out if they are gone.

        Nothing else is sent to them, so nothing else would show that a connection is dead.  A few
        times only: one that hangs and lives finds all of it in its queue.
        """
        for member in silent:
            if member.owes is not None and member.probes < limits.PROBES:
                member.probes += 1
                self.outbox.send([member], Abort(*self.shared.authority, member.owes))

    # The candidate is what runs already

    def _same(self, candidate: Configuration) -> None:
        pending, seconds = self.shared.unconfirmed, self.request.confirm
        if self.from_files and not self.request.dry_run:
            self.shared.files_are_in_force(candidate.digest)
        if pending is not None and seconds is not None and not self.request.dry_run:
            self._move(TransactionInput.SAME_EXTEND)
            self.outbox.emit(WriteConfirmation(pending.generation, seconds))
        else:
            self._move(TransactionInput.SAME)
            self._check_settled()

    def confirmed(self, event: ConfirmationWritten) -> None:
        """The ledger has answered: what is unconfirmed has more time, or has not."""
        seconds = self.request.confirm
        assert self.phase is TransactionState.EXTENDING
        assert seconds is not None
        if event.why:
            why = f"the new time could not be written: {event.why}"
            why_not = Reason("config", why, code=ReasonCode.DISK)
            self._abort(TransactionInput.NOT_FORCED, (why_not,))
            return
        extended(self.shared, seconds)
        self._move(TransactionInput.EXTENDED)
        self._check_settled()

    def _check_settled(self, wait: bool = True) -> None:
        """Answer when nobody is on the way to what is in force, or (not `wait`) at once."""
        if self.phase is not TransactionState.SETTLING:
            return
        generation = self.shared.generation
        behind = self.shared.members.not_on(generation)
        if wait and any(member.state is not MemberState.FAILED for member in behind):
            return
        self.acknowledgements = Acknowledgements(())
        for member in behind:
            self.acknowledgements.not_applied[member.name] = is_behind(member, generation)
        self.reasons.extend(
            is_refused(member, generation)
            for member in self.shared.members
            if member.state is MemberState.REFUSED
        )
        self._move(TransactionInput.SETTLED)
        self._close()

    # Preparing: votes

    def voted(self, member: Member, vote: Vote) -> None:
        if self.phase is not TransactionState.PREPARING or not self._is_voter(member):
            return
        if not self.ballot.awaits(member.name):
            return
        if vote.txid != self.txid:
            if member.owes is None:  # that was the vote it owed: now it can be asked
                self._prepare([member])
            return
        self.ballot.record(member.name, vote.yes)
        self.warnings.extend(vote.warnings)
        if not vote.yes:
            given = vote.reasons or (Reason(member.name, "refused without a reason"),)
            self.reasons.extend(given)
        self._weigh()

    def _is_voter(self, member: Member) -> bool:
        """Whether this very member was asked, and not one that had its name before."""
        return self.voters.get(member.name) is member

    def _weigh(self) -> None:
        tally = Tally.PENDING if self.looks else self.ballot.tally()
        if self.request.strict and tally is not Tally.PENDING:
            told = {reason.key for reason in (*self.reasons, *self.warnings)}
            self.reasons.extend(self.warnings)
            self.reasons.extend(one for one in self.unread_keys if one.key not in told)
            self.warnings.clear()
        match tally:
            case Tally.PENDING:
                self._move(TransactionInput.VOTE)
            case Tally.NO:
                self._abort(TransactionInput.REFUSED, ())
            case Tally.YES if self.reasons:  # strict: those who said yes are told Abort
                self._abort(TransactionInput.REFUSED, ())
            case Tally.YES if self.request.dry_run:
                self._move(TransactionInput.UNANIMOUS_DRY)
                self._close()
            case Tally.YES:
                self._decide()

    def _decide(self) -> None:
        assert self.candidate is not None
        self._move(TransactionInput.UNANIMOUS)
        self.acknowledgements = Acknowledgements(self.voters)
        files = self.candidate.digest if self.from_files else self.shared.files
        self._allow_commit_seconds()
        self.outbox.force(
            Decision(
                generation=self.shared.generation + 1,
                txid=self.txid,
                epoch=self.shared.epoch,
                configuration=self.candidate,
                files=files,
                members=tuple(sorted(self.voters)),
                verb=self.request.verb,
                who=self.request.who,
                message=self.request.message,
                confirm=self.request.confirm,
                provisional=self.provisional,
            )
        )
        self._note("force", generation=self.shared.generation + 1)

    # Forcing and committing

    def forced(self, durable: Durable) -> None:
        """The decision is on disk: send Commit to all voters."""
        assert durable.receipt.txid == self.txid
        assert self.committing_until is not None
        self._move(TransactionInput.FORCED)
        # The disk may have used up the time for applying; where no client waits for the answer (any
        # more), applying gets its full time.
        if self.client is None and self.shared.now >= self.committing_until:
            self._allow_commit_seconds()
        self.shared.decide(durable)
        self._bring_along()
        if self.from_files:
            self.shared.refused_start = ()
        self.outbox.tell_commit(self.voters.values(), durable.receipt)
        self._note("commit", generation=durable.generation)
        if self.warnings:
            digest, warnings = durable.configuration.digest, tuple(self.warnings)
            self.outbox.emit(RecordWarnings(durable.generation, digest, warnings))
        self._check_applied()

    def _bring_along(self) -> None:
        """What is done about members that had no vote: here, those are admitted as they come."""

    def _allow_commit_seconds(self) -> None:
        self.committing_until = self.shared.now + limits.COMMIT_SECONDS
        self.outbox.wake(self.committing_until)

    def not_forced(self, why: str) -> None:
        """The decision is certainly not on disk, and no Commit was sent: abort."""
        lost = f"the decision could not be written to the ledger: {why}"
        self._abort(TransactionInput.NOT_FORCED, (Reason("config", lost, code=ReasonCode.DISK),))

    def applied(self, member: Member, applied: Applied) -> None:
        if self.phase is not TransactionState.COMMITTING or not self._is_voter(member):
            return
        if applied.generation != self.shared.generation:
            return
        if applied.ok:
            self.acknowledgements.applied(member.name)
        else:
            why = applied.reasons[0].message if applied.reasons else "gave no reason"
            code = applied.reasons[0].code if applied.reasons else ReasonCode.NOT_APPLIED
            self.acknowledgements.failed(member.name, f"failed in commit: {why}", code)
            self.unable.add(member.name)
        self._check_applied()

    def _check_applied(self) -> None:
        if not self.acknowledgements.complete:
            return
        missed = self.acknowledgements.not_applied
        self._move(TransactionInput.NOT_APPLIED if missed else TransactionInput.ALL_APPLIED)
        if missed:
            self.outbox.emit(RecordNotApplied(self.shared.generation, tuple(missed)))
        undone = self.shared.provisional is not None and bool(self.unable)
        client = self.client
        if undone:
            self.client = None  # who is answered when it is undone
        self._close()
        if undone and self.outcome is not None:
            self.shared.undo_later(self.outcome, client)
        else:
            self.shared.keep()

    # Losses, deadlines, and clients that hang up

    def lost(self, member: Member, why: str, dead: bool) -> bool:
        if not self._is_voter(member):
            return False
        if self.phase is TransactionState.PREPARING:
            # One that is only cut off and has said yes stays bound, and its yes is held here.
            if dead or self.ballot.awaits(member.name):
                self.ballot.strike(member.name)
                asked = f"{why} while it was asked"
                self.reasons.append(Reason(member.name, asked, code=ReasonCode.DIED))
                self._weigh()
        elif self.phase is TransactionState.FORCING and dead:
            early = f"{why} before it could apply the change"
            self.acknowledgements.failed(member.name, early, ReasonCode.DIED)
        elif self.phase is TransactionState.COMMITTING and dead:
            early = f"{why} before it had applied the change"
            self.acknowledgements.failed(member.name, early, ReasonCode.DIED)
            self._check_applied()
        return False

    def time_passed(self) -> None:
        now = self.shared.now
        if now >= self.deadline:
            self._deadline_passed()
        if self.committing_until is not None and now >= self.committing_until:
            if self.phase is TransactionState.FORCING:
                self._answer_unknown()
            elif self.phase is TransactionState.COMMITTING:
                for member in self._awaited():
                    within = f"did not apply the change within {limits.COMMIT_SECONDS:g} s"
                    self.acknowledgements.failed(member.name, within, ReasonCode.TIMEOUT)
                    if member.peer is not None:
                        self.unable.add(member.name)
                    self.shared.replace_process(member)
                self._check_applied()

    def _deadline_passed(self) -> None:
        if self.undecided:
            self._abort(TransactionInput.LATE, self._lateness())
        elif self.phase is TransactionState.EXTENDING:
            self._answer_unknown()
        else:
            self._check_settled(wait=False)

    def _lateness(self) -> tuple[Reason, ...]:
        allowed = f"{self.request.seconds:g} s"
        if self.phase is TransactionState.PREPARING:
            late = "what nobody reads of it was not found out in time"
            return tuple(
                is_late(member, self.txid, allowed, self.shared.now) for member in self._awaited()
            ) or (Reason("config", late, code=ReasonCode.TIMEOUT),)
        if self.candidate is None:
            what = "files" if self.from_files else "generation"
            late = f"the {what} could not be read within {allowed}"
            return (Reason("config", late, code=ReasonCode.TIMEOUT),)
        return tuple(
            is_unsettled(member, allowed)
            for member in self.shared.members
            if member.state in UNSETTLED
        )

    def hung_up(self, client: int) -> None:
        if self.client != client:
            return
        self.client = None
        if self.undecided:
            gone = "the client went away before the decision"
            why = Reason("config", gone, code=ReasonCode.WITHDRAWN)
            self._abort(TransactionInput.WITHDRAWN, (why,))
        self._check_settled(wait=False)

    def stop(self) -> None:
        if self.undecided:
            why = Reason("config", "the broker is stopping", code=ReasonCode.STOPPING)
            self._abort(TransactionInput.WITHDRAWN, (why,))
        elif self.committing_until is None:
            self.deadline = min(self.deadline, self.shared.now + limits.SHUTDOWN_SECONDS)
            self._check_settled(wait=False)
        else:
            last = self.shared.now + limits.SHUTDOWN_SECONDS
            self.committing_until = min(self.committing_until, last)

    # Ends

    def _abort(self, given: TransactionInput, reasons: tuple[Reason, ...]) -> None:
        self.reasons.extend(reasons)
        self._move(given)
        asked = self._asked()
        if self.request.dry_run:  # it left nothing behind; only who still looks may stop looking
            asked = [voter for voter in asked if voter.name in self.ballot.missing()]
        self.outbox.send(asked, Abort(*self.shared.authority, self.txid))
        self._note(
            "abort", cause=str(given), objectors=self._objectors(), reasons=len(self.reasons)
        )
        if not self.request.dry_run:
            self.outbox.emit(RecordAttempt(self._attempt()))
        self._close()

    def _asked(self) -> list[Member]:
        """The voters that were sent Prepare and have not said no: they need the Abort.

        One that still owes an older vote was not sent this Prepare, and so gets no Abort of it.
        """
        votes = self.ballot.votes
        return [
            voter
            for voter in self.voters.values()
            if votes.get(voter.name, voter.owes == self.txid)
        ]

    def _close(self) -> None:
        self.outcome = outcome_of(self, self._elapsed())
        self._note("end", result=str(self.outcome.result), generation=self.shared.generation)
        self._answer(self.outcome)

    def _answer_unknown(self) -> None:
        if self.client is not None:
            self._answer(unknown_outcome(self, self._elapsed()))
