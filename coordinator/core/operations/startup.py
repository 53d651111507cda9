# SPDX-License-Identifier: LGPL-3.0-or-later
"""A broker's start: resume what was committed last, or make the files a change like any other.

Files are proposals, the ledger is the truth.  Where the files are those that were last read, the
modules are admitted to the last committed generation.  Where they differ, the start is a
transaction: its voters are the modules that were just started and the attached participants that
have rejoined, and if it is refused the broker does not start.

With `fallback` it then goes back to the newest generation that can start.  The last one is asked
about in a dry run, before anybody is admitted to it: whoever was is not starting any more, and
would judge the next one less strictly.  An older one is a transaction like the files.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from coordinator.core.decisions import Durable
from coordinator.core.effects import AnnounceReady, GiveUp, Kill
from coordinator.core.events import Begin
from coordinator.core.members import Admission, Member, MemberInput, MemberState
from coordinator.core.membership import Membership
from coordinator.core.operation import Operation
from coordinator.core.operations.transaction import Transaction
from coordinator.core.requests import ChangeRequest, Earlier, Replacement
from coordinator.core.results import Result
from coordinator.core.state import SharedState
from protocol import limits
from protocol.configuration import EMPTY, Configuration
from protocol.messages import Applied, Prepare, Vote
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason, Refusal
from protocol.transitions import TransactionInput, TransactionState, Transitions

FALLBACK: Final = "fallback"
"""The verb of a start's going back to an older generation."""


class _StartTransaction(Transaction):
    """A transaction whose voters are named by the start."""

    def __init__(self, shared: SharedState, request: ChangeRequest) -> None:
        self.on_read: Callable[[], None] = lambda: None
        """Called when a generation has been read, or cannot be."""
        super().__init__(shared, None, request, shared.now)

    @property
    def provisional(self) -> bool:
        """What a start has decided stands: there is nothing that everybody ran before it."""
        return False

    def gather(self) -> None:
        """Nothing: the start calls `ask` when everybody is here."""

    def proposed(self, found: Configuration | Refusal) -> None:
        """Also what is in force may be asked about: nobody has been admitted to it yet."""
        assert self.phase is TransactionState.GATHERING, "who waits no longer has given up"
        if isinstance(found, Refusal):
            self._abort(TransactionInput.UNREADABLE, found.reasons)
        else:
            self.candidate = found
        self.on_read()

    def _send_prepare(self, members: list[Member], message: Prepare) -> None:
        """With its own values to each that may have others, for this life has admitted nobody.

        A new one knows nothing of its load arguments, and one that survived may still have values
        that a former life gave it.
        """
        alike, others = list[Member](), list[Member]()
        for member in members:
            (others if member.generation or member.arguments() else alike).append(member)
        self.outbox.send(alike, message)
        for member in others:
            self.outbox.send([member], message._replace(arguments=member.arguments()))

    def barred(self) -> None:
        """Nothing bars it: files that were changed while the broker was down replace what ran."""


class StartupPhase(StrEnum):
    """How far a start has got."""

    ASSEMBLING = "assembling"
    """Modules are starting; attached participants of the last life may rejoin."""
    VOTING = "voting"
    """The files, or a generation, are the candidate of a transaction, and that is not over."""
    RESUMING = "resuming"
    """Modules are being admitted to the last committed generation."""
    READY = "ready"
    FAILED = "failed"


class StartupInput(StrEnum):
    """What moves a start."""

    RESUME = "files as known, or equal to what ran"
    ASK = "everybody is here, or had the time"
    DECIDED = "committed"
    FALL_BACK = "refused (fallback): the generation before"
    CAN_START = "all would start with the last generation (fallback)"
    ALL_RUN = "all modules run"
    GIVE_UP = "refused, declined, died, deadline, broker stopping"


STARTUP: Final[Mapping[tuple[StartupPhase, StartupInput], StartupPhase]] = Transitions(
    {
        (StartupPhase.ASSEMBLING, StartupInput.RESUME): StartupPhase.RESUMING,
        (StartupPhase.ASSEMBLING, StartupInput.ASK): StartupPhase.VOTING,
        (StartupPhase.ASSEMBLING, StartupInput.GIVE_UP): StartupPhase.FAILED,
        (StartupPhase.VOTING, StartupInput.DECIDED): StartupPhase.READY,
        (StartupPhase.VOTING, StartupInput.FALL_BACK): StartupPhase.ASSEMBLING,
        (StartupPhase.VOTING, StartupInput.CAN_START): StartupPhase.RESUMING,
        (StartupPhase.VOTING, StartupInput.GIVE_UP): StartupPhase.FAILED,
        (StartupPhase.RESUMING, StartupInput.ALL_RUN): StartupPhase.READY,
        (StartupPhase.RESUMING, StartupInput.GIVE_UP): StartupPhase.FAILED,
    }
)


class Startup(Operation):
    """Brings up all modules on one generation, or gives up."""

    TABLE = STARTUP
    ENDS = frozenset({StartupPhase.READY, StartupPhase.FAILED})

    def __init__(self, shared: SharedState, membership: Membership, begin: Begin) -> None:
        super().__init__(shared)
        self.begin = begin
        self.phase: StartupPhase = StartupPhase.ASSEMBLING
        self.deadline = shared.now + begin.seconds
        self.grace = shared.now + limits.REJOIN_SECONDS
        self.transaction: _StartTransaction | None = None
        self.refusal: list[Reason] = []
        self.warnings: list[Reason] = []
        self.back_to: int | None = None
        """The generation that is asked about; None for the files."""
        self.refused: set[str] = set()
        """Digests of what was asked about and refused."""
        shared.refused_start = begin.unreadable
        self.ours = {name: membership.add_ours(name, spec) for name, spec in begin.modules}
        shared.outbox.wake(self.deadline)
        shared.outbox.log(
            "start",
            generation=shared.generation,
            resume=not self._changed(),
            modules=len(self.ours),
        )
        if not self._changed() and self._may_fall_back():
            self.back_to = shared.generation
            self._go_on()
        elif not self._changed():
            self._resume()
        else:
            shared.outbox.wake(self.grace)
            self._go_on()

    @property
    def blocks_admission(self) -> bool:
        change = self.transaction
        if change is not None:  # while a generation is read nobody may be admitted to another
            return change.phase is TransactionState.GATHERING or change.blocks_admission
        return self.phase is StartupPhase.ASSEMBLING

    def _changed(self) -> bool:
        """True if the files are others than those that were last taken for what runs."""
        files = self.begin.files
        if self.shared.running is None:
            return True
        return files is not None and files.digest != self.shared.files

    def _may_fall_back(self) -> bool:
        return self.begin.fallback and self.shared.running is not None

    # Resuming

    def _resume(self, given: StartupInput = StartupInput.RESUME) -> None:
        self._move(given)
        self._check_resumed()

    def _check_resumed(self) -> None:
        if all(member.state is MemberState.RUNNING for member in self.ours.values()):
            self._ready(StartupInput.ALL_RUN)

    # A start that is a change

    def _go_on(self) -> None:
        """Vote once all modules have joined, and the survivors have, or their time is over."""
        if self.phase is not StartupPhase.ASSEMBLING:
            return
        if any(member.peer is None for member in self.ours.values()):
            return
        if self.back_to is None and self.shared.now < self.grace and not self._survivors_are_back():
            return
        self._vote()

    def _survivors_are_back(self) -> bool:
        running = {member.name for member in self.shared.members.running()}
        return running.issuperset(self.begin.expected)

    def _vote(self) -> None:
        files, running = self.begin.files, self.shared.running
        assert files is not None or running is None or self.back_to is not None
        same = files is not None and running is not None and running.configuration == files
        if self.back_to is None and files is not None and same:
            self.shared.files_are_in_force(files.digest)
            if not self._may_fall_back():
                self._resume()
                return
            self.back_to = self.shared.generation
        self._move(StartupInput.ASK)
        self.transaction = _StartTransaction(self.shared, self._proposal())
        self.transaction.from_files = self.back_to is None and files is not None
        self.transaction.on_read = self._ask
        if self.transaction.candidate is not None:  # else a generation is being read
            self._ask()

    def _proposal(self) -> ChangeRequest:
        left, who = max(0.0, self.deadline - self.shared.now), self.begin.who
        if self.back_to is None:
            files = self.begin.files
            return ChangeRequest(Replacement(EMPTY if files is None else files), "start", who, left)
        running = self.shared.running
        assert running is not None, "without it there is nothing to go back to"
        if self.back_to == running.generation:
            what_ran = Replacement(running.configuration)
            return ChangeRequest(what_ran, "start", who, left, dry_run=True)
        why = f"generation {running.generation} cannot start"
        return ChangeRequest(Earlier(self.back_to), FALLBACK, who, left, message=why)

    def _ask(self) -> None:
        """The candidate is here, or there is none."""
        change = self.transaction
        assert change is not None
        if change.candidate is None:
            self._give_up(self._all_refused())
            return
        if change.candidate.digest in self.refused:
            self._fall_back(())
            return
        survivors = [member for member in self.shared.members.running() if member.attached]
        voters = [*self.ours.values(), *survivors]
        for voter in voters:
            self.shared.members.admit_to(voter, Admission.NONE)
        change.ask(voters)
        self._check_transaction()

    def _check_transaction(self) -> None:
        change = self.transaction
        if change is None or change.outcome is None or self.over:
            return
        if change.outcome.result is Result.VALID:
            self._admit_to_last()
        elif change.outcome.result is not Result.REFUSED:
            self.warnings.extend(change.outcome.warnings)
            self._ready(StartupInput.DECIDED)
        elif self._may_fall_back() and change.candidate is not None:
            self.refused.add(change.candidate.digest)
            self._fall_back(change.outcome.reasons)
        else:
            self._give_up(change.outcome.reasons)

    # Falling back

    def _fall_back(self, reasons: tuple[Reason, ...]) -> None:
        """Ask about the generation before the one that was refused."""
        told = [str(reason) for reason in reasons]
        self.outbox.log("fallback", refused=self.back_to or "files", reasons=told)
        if not self.shared.refused_start:
            self.shared.refused_start = reasons
        first = self.back_to is None
        self.back_to = self.shared.generation if self.back_to is None else self.back_to - 1
        if not first and (self.back_to < 1 or self.shared.now >= self.deadline):
            self._give_up(self._all_refused())
            return
        if first:
            self.deadline = self.shared.now + self.begin.seconds
            self.outbox.wake(self.deadline)
        self.transaction = None
        self._move(StartupInput.FALL_BACK)
        self._go_on()

    def _admit_to_last(self) -> None:
        self.transaction = None
        for member in self.ours.values():
            if member.peer is not None:
                self.shared.members.admit_to(member, Admission.WAITING)
        self._resume(StartupInput.CAN_START)

    def _all_refused(self) -> tuple[Reason, ...]:
        why = Reason(
            "config", "no generation that is kept can start, either", code=ReasonCode.NOT_FOUND
        )
        return (*self.shared.refused_start, why)

    # Events

    def joined(self, member: Member) -> None:
        # A survivor is admitted to the last generation at once: only then can it vote on the next.
        if (
            self.phase is StartupPhase.ASSEMBLING
            and member.attached
            and self.shared.running is not None
        ):
            self.shared.admit(member)
        self._go_on()

    def settled(self, member: Member) -> None:  # noqa: ARG002
        self._go_on()
        if self.phase is StartupPhase.RESUMING:
            self._check_resumed()

    def left(self, member: Member, reasons: tuple[Reason, ...]) -> None:
        if self.ours.get(member.name) is member:
            self.refusal.extend(reasons)

    def declined(self, member: Member, reasons: tuple[Reason, ...]) -> bool:
        if self.ours.get(member.name) is not member or self.over:
            return False
        self._give_up(reasons or (Reason(member.name, "declined without a reason"),))
        return True

    def lost(self, member: Member, why: str, dead: bool) -> bool:
        if self.transaction is not None:
            self.transaction.lost(member, why, dead)
            self._check_transaction()
        elif self.ours.get(member.name) is member and dead and not self.over:
            early = Reason(member.name, f"{why} before it was ready", code=ReasonCode.DIED)
            self._give_up(tuple(self.refusal) or (early,))
        return False

    def will_decide(self, txid: str) -> bool:
        return self.transaction is not None and self.transaction.will_decide(txid)

    def voted(self, member: Member, vote: Vote) -> None:
        if self.transaction is not None:
            self.transaction.voted(member, vote)
            self._check_transaction()

    def applied(self, member: Member, applied: Applied) -> None:
        self.warnings.extend(applied.warnings)
        if self.transaction is not None:
            self.transaction.applied(member, applied)
            self._check_transaction()

    def forced(self, durable: Durable) -> None:
        """The start's own decision is on disk."""
        assert self.transaction is not None
        self.transaction.forced(durable)
        self._check_transaction()

    def not_forced(self, why: str) -> None:
        """The start's decision could not be written: the start is refused."""
        assert self.transaction is not None
        self.transaction.not_forced(why)
        self._check_transaction()

    def time_passed(self) -> None:
        if self.transaction is not None:
            self.transaction.time_passed()
            self._check_transaction()
            return
        self._go_on()
        if self.shared.now >= self.deadline and not self.over and self.transaction is None:
            members = self.ours.values()
            late = [member for member in members if member.state is not MemberState.RUNNING]
            self._give_up(tuple(_not_ready(member, self.begin.seconds) for member in late))

    def stop(self) -> None:
        if self.transaction is not None and not self.transaction.undecided:
            return
        why = "was told to stop while it was starting"
        self._give_up((Reason("broker", why, code=ReasonCode.STOPPING),))

    # Ends

    def _ready(self, given: StartupInput) -> None:
        self._move(given)
        self.outbox.log("ready", generation=self.shared.generation)
        self.outbox.emit(AnnounceReady(self.shared.refused_start, tuple(self.warnings)))

    def _give_up(self, reasons: tuple[Reason, ...]) -> None:
        self._move(StartupInput.GIVE_UP)
        for member in self.ours.values():
            member.become(MemberState.LEAVING, MemberInput.REMOVE, self.shared.now)
            self.outbox.emit(Kill(member.name, member.ticket))
        self.outbox.emit(GiveUp(reasons))


def _not_ready(member: Member, seconds: float) -> Reason:
    why = f"was not ready within {seconds:g} s (it is {member.state})"
    return Reason(member.name, why, code=ReasonCode.TIMEOUT)
