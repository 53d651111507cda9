# SPDX-License-Identifier: LGPL-3.0-or-later
"""Bugs that one promise alone catches, three and more for each, and a world for each bug.

They prove that no promise is idle: without P3, a bug of these would be found by nobody.  (Most bugs
break several promises; those of `tests.simulation.mutants` do.)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from coordinator.core.ballot import Ballot, Tally
from coordinator.core.decisions import Decision, Durable, Receipt
from coordinator.core.effects import TellCommit
from coordinator.core.machine import Coordinator
from coordinator.core.members import Member
from coordinator.core.membership import Membership
from coordinator.core.operation import Operation
from coordinator.core.operations.module_configure import ModuleConfigure
from coordinator.core.operations.transaction import Transaction
from coordinator.core.operations.way_back import WayBack
from coordinator.core.state import SharedState
from coordinator.executor import Executor
from coordinator.ledger.sqlite import SqliteLedger
from participant.core.effects import Effect, Release
from participant.core.machine import Participant
from protocol.messages import Abort, Admit, FromCoordinator, Leave, Shutdown
from protocol.transitions import TransactionState
from tests.exploration import worlds
from tests.exploration.spec import Spec
from tests.exploration.state import Budget
from tests.exploration.worlds import (
    BACK,
    CHANGE,
    CONFIGURE_A,
    DRY,
    REMOVE_A,
    SECOND,
)
from tests.simulation.mutants.coordinator import COORDINATOR
from tests.simulation.mutants.ledger import LEDGER
from tests.simulation.mutants.participant import PARTICIPANT
from tests.simulation.mutants.patch import Mutant, Patch

Method = Callable[..., Any]
_world = worlds.world


class SoleBug(NamedTuple):
    """A bug, the promise that it breaks, and a world in which it breaks no other."""

    promise: str
    mutant: Mutant
    world: Spec


# P1: applied before it is on disk, where it comes to the disk in the end


def _told_when_submitted(right: Method) -> Method:
    def _force(self: Executor, decision: Decision) -> None:
        right(self, decision)
        change = self._machine.transaction
        if change is None:
            return
        peers = [member.peer for member in change.voters.values() if member.peer is not None]
        receipt = Receipt(decision.txid, decision.generation)
        self._tell_commit(TellCommit(tuple(peers), receipt))

    return _force


def _doubt_answered_too_soon(right: Method) -> Method:
    def _resolve(
        self: Membership, member: Member, in_doubt: str | None, operation: Operation
    ) -> None:
        forcing = operation.phase is TransactionState.FORCING
        if in_doubt is not None and forcing and operation.will_decide(in_doubt):
            self.outbox.tell_commit([member], Receipt(in_doubt, self.shared.generation + 1))
        else:
            right(self, member, in_doubt, operation)

    return _resolve


# P2: committed without a vote, and everybody takes it


def _deadline_is_yes(right: Method) -> Method:
    def _deadline_passed(self: Transaction) -> None:
        if self.phase is TransactionState.PREPARING:
            for name in self.ballot.missing():
                self.ballot.record(name, True)
            self._weigh()
        else:
            right(self)

    return _deadline_passed


def _one_is_not_asked(right: Method) -> Method:
    def ask(self: Transaction, voters: list[Member]) -> None:
        right(self, voters[:1])

    return ask


def _two_are_enough(right: Method) -> Method:
    def tally(self: Ballot) -> Tally:
        if len(self.voters) > 2 and sum(self.votes.values()) == 2:
            return Tally.YES
        found: Tally = right(self)
        return found

    return tally


# P3: on the way back, a no that was said is forgotten with the one who said it


def _excused_when(forgotten: Callable[[bool], bool]) -> Callable[[Method], Method]:
    def spoil(right: Method) -> Method:
        def lost(self: WayBack, member: Member, why: str, dead: bool) -> bool:
            votes = self.ballot.votes
            said_no = self._is_voter(member) and votes.get(member.name) is False
            if self.phase is TransactionState.PREPARING and said_no and forgotten(dead):
                _forget_the_no(self, member, why)
                return False
            return bool(right(self, member, why, dead))

        return lost

    return spoil


def _forget_the_no(change: WayBack, member: Member, why: str) -> None:
    change.reasons = [reason for reason in change.reasons if reason.module != member.name]
    change._excuse(member, why)
    change._weigh()


def _leaving_excuses(right: Method) -> Method:
    def left(self: Membership, member: Member, message: Leave, operation: Operation) -> None:
        if isinstance(operation, WayBack) and operation.ballot.votes.get(member.name) is False:
            _forget_the_no(operation, member, "it has left")
        right(self, member, message, operation)

    return left


# P4: for an instant, what ran before


def _remembers_the_former(right: Method) -> Method:
    def decide(self: SharedState, durable: Durable) -> None:
        vars(self)["former"] = self.running
        right(self, durable)

    return decide


def _admit_of_the_former(right: Method) -> Method:
    def admit(self: Any, *given: Any) -> Any:
        shared: SharedState = self if isinstance(self, SharedState) else self.shared
        former, running = vars(shared).get("former"), shared.running
        nobody = isinstance(self, Membership) and not self.members.waiting()
        if former is None or nobody:
            return right(self, *given)
        vars(shared)["former"] = None  # once; then it is overtaken, and offered the new one
        shared.running = former
        try:
            return right(self, *given)
        finally:
            shared.running = running

    return admit


def _takes_any_generation(right: Method) -> Method:
    def _admit(self: Participant, message: Admit) -> tuple[Effect, ...]:
        self.generation = min(self.generation, message.generation)
        effects: tuple[Effect, ...] = right(self, message)
        return effects

    return _admit


def _knows_the_former(right: Method) -> Method:
    def __init__(self: Coordinator, *given: Any, **named: Any) -> None:
        right(self, *given, **named)
        running = self.shared.running
        if running is not None and running.generation == 2:
            vars(self.shared)["former"] = _with(running, 1, worlds.FILES)

    return __init__


_BACKWARD = (
    Patch(SharedState, "decide", _remembers_the_former),
    Patch(Participant, "_admit", _takes_any_generation),
)


# P5: something is left behind


def _abort_keeps(right: Method) -> Method:
    def _abort(self: Participant, message: Abort) -> tuple[Effect, ...]:
        return tuple(one for one in right(self, message) if not isinstance(one, Release))

    return _abort


def _judged_keeps(right: Method) -> Method:
    def _judged(self: Participant, *given: Any) -> tuple[Effect, ...]:
        return tuple(one for one in right(self, *given) if not isinstance(one, Release))

    return _judged


def _says_the_candidate(right: Method) -> Method:
    def _prepare(self: Participant, message: Any) -> tuple[Effect, ...]:
        effects: tuple[Effect, ...] = right(self, message)
        if message.dry_run:
            self.digest = message.digest
        return effects

    return _prepare


# P6: the ledger is another one after a restart


def _rewritten(right: Method) -> Method:
    def _next_life(self: SqliteLedger) -> tuple[str, int]:
        life: tuple[str, int] = right(self)
        with self._storage.transaction(forced=True) as run:
            run("UPDATE decisions SET txid = txid || '!' WHERE generation > 1")
        return life

    return _next_life


# P7: words of the past are obeyed, where that does no harm


def _obeyed_of_old(*kinds: type[FromCoordinator]) -> Callable[[Method], Method]:
    def spoil(right: Method) -> Method:
        def _obeys(self: Participant, message: FromCoordinator) -> bool:
            if isinstance(message, kinds) and message.ledger == self.ledger:
                self.epoch = min(self.epoch, message.epoch)
                return True
            return bool(right(self, message))

        return _obeys

    return spoil


# P8: nobody is told


def _silent_turn_away(right: Method) -> Method:
    def _turn_away(self: Coordinator, client: int, why: str, seconds: float = 0.0) -> None:
        if self.stopping_until is None:
            right(self, client, why, seconds)

    return _turn_away


def _no_wake_to_commit(right: Method) -> Method:
    def _allow_commit_seconds(self: Transaction) -> None:
        self.committing_until = self.shared.now + 1e6

    return _allow_commit_seconds


def _no_commit_deadline(right: Method) -> Method:
    def time_passed(self: Transaction) -> None:
        if self.phase is not TransactionState.COMMITTING:
            right(self)

    return time_passed


# P9: something else is shown


def _shows(what: Callable[[Coordinator, Durable], Durable]) -> Callable[[Any], Any]:
    def spoil(right: property) -> property:
        def running(self: Coordinator) -> Durable | None:
            durable = self.shared.running
            return durable and what(self, durable)

        return property(running)

    return spoil


def _what_is_forced(machine: Coordinator, durable: Durable) -> Durable:
    change = machine.transaction
    if change is None or change.phase is not TransactionState.FORCING or not change.candidate:
        return durable
    return _with(durable, durable.generation + 1, change.candidate)


def _what_is_asked_about(machine: Coordinator, durable: Durable) -> Durable:
    change = machine.transaction
    if change is None or not change.undecided or change.candidate is None:
        return durable
    return _with(durable, durable.generation, change.candidate)


def _what_ran_first(machine: Coordinator, durable: Durable) -> Durable:
    return _with(durable, 1, worlds.FILES)


def _with(durable: Durable, generation: int, configuration: Any) -> Durable:
    decision = durable.decision._replace(generation=generation, configuration=configuration)
    return durable._replace(decision=decision)


# All of them


def _bug(promise: str, words: str, world: Spec, *patches: Patch) -> SoleBug:
    return SoleBug(promise, Mutant(words, patches), world)


def _known(promise: str, mutant: Mutant, world: Spec) -> SoleBug:
    return SoleBug(promise, mutant, world)


_PLAIN = _world("plain", (CHANGE,), attached=("a",))
_THREE = _world("three", (CHANGE,), attached=("a", "b", "c"))


def _back_and_no(**budget: int) -> Spec:
    return _world("back and no", (CHANGE, BACK), attached=("a", "b"), noes=(worlds.FILES,),
                  budget=Budget(no=1, **budget))  # fmt: skip


SOLE_BUGS: dict[str, SoleBug] = {
    "told while it is forced": _known("P1", COORDINATOR["commit-before-durable"], _PLAIN),
    "told when it is submitted": _bug(
        "P1", "the executor tells COMMIT with the order to write it", _PLAIN,
        Patch(Executor, "_force", _told_when_submitted)),
    "a doubt answered too soon": _bug(
        "P1", "who joins anew while a decision is forced is told COMMIT",
        _world("cut", (CHANGE,), attached=("a", "b"), budget=Budget(cut=1)),
        Patch(Membership, "_resolve", _doubt_answered_too_soon)),
    "late is yes": _bug(
        "P2", "who has not voted by the deadline counts as a yes",
        _world("late", (CHANGE,), attached=("a",), budget=Budget(slow=1)),
        Patch(Transaction, "_deadline_passed", _deadline_is_yes)),
    "one is not asked": _bug(
        "P2", "only the first member is asked", _world("two", (CHANGE,), attached=("a", "b")),
        Patch(Transaction, "ask", _one_is_not_asked)),
    "two are enough": _bug(
        "P2", "of three members the third is not waited for", _THREE,
        Patch(Ballot, "tally", _two_are_enough)),
    "a no dies": _bug(
        "P3", "on the way back the no of one that dies is forgotten", _back_and_no(kill=1),
        Patch(WayBack, "lost", _excused_when(lambda dead: dead))),
    "a no is cut off": _bug(
        "P3", "on the way back the no of one that is cut off is forgotten", _back_and_no(cut=1),
        Patch(WayBack, "lost", _excused_when(lambda dead: not dead))),
    "a no leaves": _bug(
        "P3", "on the way back the no of one that leaves is forgotten", _back_and_no(leave=1),
        Patch(Membership, "left", _leaving_excuses)),
    "the former after a cut": _bug(
        "P4", "who joins anew is admitted to what ran before, and then to what runs",
        _world("cut after", (CHANGE,), attached=("a",), budget=Budget(cut=1)),
        *_BACKWARD, Patch(Membership, "admit_waiting", _admit_of_the_former)),
    "the former with other values": _bug(
        "P4", "other runtime values come with what ran before",
        _world("configure after", (CHANGE, CONFIGURE_A), attached=("a",)),
        *_BACKWARD, Patch(ModuleConfigure, "_decide", _admit_of_the_former)),
    "the former after a restart": _bug(
        "P4", "a new life admits whoever has survived to what ran before, first",
        _world("crash after", (CHANGE,), attached=("a",), budget=Budget(crash=1)),
        _BACKWARD[1], Patch(Coordinator, "__init__", _knows_the_former),
        Patch(Membership, "admit_waiting", _admit_of_the_former)),
    "a dry run stays staged": _known(
        "P5", PARTICIPANT["dry-run-stages"], _world("dry", (DRY,), attached=("a",))),
    "an abort releases nothing": _bug(
        "P5", "what was accepted stays staged after an abort",
        _world("abort", (CHANGE,), attached=("a", "b"), budget=Budget(no=1)),
        Patch(Participant, "_abort", _abort_keeps)),
    "too late to be released": _bug(
        "P5", "what is accepted after the abort stays staged",
        _world("late yes", (CHANGE,), attached=("a",), concurrent=("a",), budget=Budget(cut=1)),
        Patch(Participant, "_judged", _judged_keeps)),
    "a dry run is said to run": _bug(
        "P5", "after a dry run a participant says that it runs the candidate",
        _world("dry, and cut", (DRY,), attached=("a",), budget=Budget(cut=1)),
        Patch(Participant, "_prepare", _says_the_candidate)),
    "a generation is forgotten": _known(
        "P6", LEDGER["generation-reused"],
        _world("crash", (CHANGE,), children=("a",), budget=Budget(crash=1))),
    "an epoch comes again": _known(
        "P6", LEDGER["epoch-reused"],
        _world("crash, and no change", (), children=("a",), budget=Budget(crash=1))),
    "answered from the cache": _known(
        "P6", LEDGER["answer-before-disk"],
        _world("crash, children", (CHANGE,), children=("a",), budget=Budget(crash=1))),
    "the past is rewritten": _bug(
        "P6", "a restart gives what was committed another name",
        _world("crash, rewritten", (CHANGE,), children=("a",), budget=Budget(crash=1)),
        Patch(SqliteLedger, "_next_life", _rewritten)),
    "an old Shutdown": _bug(
        "P7", "a Shutdown of a former life is obeyed",
        _world("old Shutdowns", (REMOVE_A,), attached=("a",), past=(Shutdown,),
               budget=Budget(crash=1, stale=1)),
        Patch(Participant, "_obeys", _obeyed_of_old(Shutdown))),
    "a doubt of another ledger": _known(
        "P7", COORDINATOR["doubt-of-another-ledger"],
        _world("another ledger", (CHANGE,), attached=("a",), budget=Budget(afresh=1))),
    "an old Admit": _bug(
        "P7", "an Admit of a former life is obeyed",
        _world("old Admits", (), attached=("a",), cold=True, past=(Admit,),
               budget=Budget(crash=1, stale=1)),
        Patch(Participant, "_obeys", _obeyed_of_old(Admit))),
    "votes are awaited for ever": _known(
        "P8", COORDINATOR["no-deadline"],
        _world("hang", (CHANGE,), attached=("a",), budget=Budget(hang=1))),
    "turned away in silence": _bug(
        "P8", "who waits in the queue is not told that the broker stops",
        _world("stop and queue", (CHANGE, SECOND), attached=("a",), budget=Budget(stop=1)),
        Patch(Coordinator, "_turn_away", _silent_turn_away)),
    "nobody watches the commit": _bug(
        "P8", "Applied is awaited for ever",
        _world("hang in commit", (CHANGE,), attached=("a",), budget=Budget(hang=1)),
        Patch(Transaction, "time_passed", _no_commit_deadline)),
    "the disk is awaited for ever": _bug(
        "P8", "no time is set for the disk and for applying",
        _world("slow disk", (CHANGE,), attached=("a",), budget=Budget(slow=1)),
        Patch(Transaction, "_allow_commit_seconds", _no_wake_to_commit)),
    "shown while it is forced": _bug(
        "P9", "what is on its way to the disk is shown", _PLAIN,
        Patch(Coordinator, "running", _shows(_what_is_forced))),
    "the candidate is shown": _bug(
        "P9", "what members are asked about is shown", _PLAIN,
        Patch(Coordinator, "running", _shows(_what_is_asked_about))),
    "the first one is shown": _bug(
        "P9", "what the broker started with is shown for ever", _PLAIN,
        Patch(Coordinator, "running", _shows(_what_ran_first))),
}  # fmt: skip
