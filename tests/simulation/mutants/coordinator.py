# SPDX-License-Identifier: LGPL-3.0-or-later
"""Bugs of a coordinator."""

from collections.abc import Callable
from typing import Any

from coordinator.core.ballot import Ballot, Tally
from coordinator.core.decisions import Durable, Receipt, Unconfirmed
from coordinator.core.effects import Step, TellCommit
from coordinator.core.events import Event
from coordinator.core.machine import Coordinator
from coordinator.core.members import Admission, Member, Members, MemberState
from coordinator.core.membership import Membership
from coordinator.core.operation import Operation
from coordinator.core.operations.startup import Startup
from coordinator.core.operations.take_back import TakeBack
from coordinator.core.operations.transaction import Transaction
from coordinator.core.operations.way_back import WayBack
from coordinator.core.state import FailedChange, SharedState
from protocol.messages import Abort, Applied, FromParticipant, Join, Vote
from protocol.reasons import Reason
from protocol.transitions import TransactionInput, TransactionState
from tests.simulation.mutants.patch import Mutant, Patch

Method = Callable[..., Any]


def _commit_before_durable(right: Method) -> Method:
    def _decide(self: Transaction) -> None:
        right(self)
        receipt = Receipt(self.txid, self.shared.generation + 1)
        self.outbox.tell_commit(self.voters.values(), receipt)

    return _decide


def _commit_on_majority(right: Method) -> Method:
    def tally(self: Ballot) -> Tally:
        if 2 * sum(self.votes.values()) > len(self.voters):
            return Tally.YES
        found: Tally = right(self)
        return found

    return tally


def _late_vote_counts(right: Method) -> Method:
    def voted(self: Transaction, member: Member, vote: Vote) -> None:
        right(self, member, vote._replace(txid=self.txid))

    return voted


def _joins_are_not_held(_: property) -> property:
    return property(lambda self: False)


def _presumed_commit(right: Method) -> Method:
    def _resolve(
        self: Membership, member: Member, in_doubt: str | None, operation: Operation
    ) -> None:
        unknown = in_doubt is not None and in_doubt not in self.shared.decided
        if in_doubt is not None and unknown and not operation.will_decide(in_doubt):
            assert member.peer is not None
            receipt = Receipt(in_doubt, self.shared.generation + 1)
            self.outbox.emit(TellCommit((member.peer,), receipt))
        else:
            right(self, member, in_doubt, operation)

    return _resolve


def _slow_voter_is_not_told(right: Method) -> Method:
    def _abort(self: Transaction, given: TransactionInput, reasons: tuple[Reason, ...]) -> None:
        for name in self.ballot.missing():
            self.ballot.strike(name)
        right(self, given, reasons)

    return _abort


def _lost_is_yes(right: Method) -> Method:
    def lost(self: Transaction, member: Member, why: str, dead: bool) -> bool:
        awaited = self.voters.get(member.name) is member and self.ballot.awaits(member.name)
        if self.phase is TransactionState.PREPARING and awaited:
            self.ballot.record(member.name, True)
            self._weigh()
            return False
        return bool(right(self, member, why, dead))

    return lost


def _no_deadline(right: Method) -> Method:
    def time_passed(self: Transaction) -> None:
        if not self.undecided:
            right(self)

    return time_passed


def _shown_too_early(right: Method) -> Method:
    def step(self: Coordinator, now: float, event: Event) -> Step:
        found: Step = right(self, now, event)
        if found.force is not None:
            receipt = Receipt(found.force.txid, found.force.generation)
            self.shared.running = Durable(receipt, found.force)
        return found

    return step


def _remembers_old_peers(right: Method) -> Method:
    def disconnect(self: Members, member: Member) -> None:
        if member.peer is not None:
            vars(self).setdefault("former", {})[member.peer] = member.name
        right(self, member)

    return disconnect


def _any_incarnation(right: Method) -> Method:
    def _received(self: Coordinator, peer: bytes, message: FromParticipant) -> None:
        former: dict[bytes, str] = vars(self.members).get("former", {})
        member = self.members.get(former.get(peer, ""))
        late = self.members.at(peer) is None and isinstance(message, Vote | Applied)
        if late and member is not None and member.peer is not None:
            peer, message = member.peer, message._replace(incarnation=member.incarnation)
        right(self, peer, message)

    return _received


def _latecomers_stay_behind(right: Method) -> Method:
    def decide(self: SharedState, durable: Durable) -> None:
        runs = self.members.running()
        right(self, durable)
        for member in runs:
            member.state = MemberState.RUNNING
            self.members.admit_to(member, Admission.NONE)

    return decide


def _undo_is_forgotten(right: Method) -> Method:
    def __init__(self: Coordinator, *given: Any, **named: Any) -> None:
        right(self, *(None if isinstance(one, Unconfirmed) else one for one in given), **named)

    return __init__


def _everybody_votes(_: Method) -> Method:
    return Transaction.gather


def _objectors_are_excused(right: Method) -> Method:
    def voted(self: Transaction, member: Member, vote: Vote) -> None:
        known = self.voters.get(member.name) is member and self.ballot.awaits(member.name)
        if isinstance(self, WayBack) and known and vote.txid == self.txid and not vote.yes:
            self._excuse(member, "objected")
            self._weigh()
        else:
            right(self, member, vote)

    return voted


def _nobody_is_behind(_: Method) -> Method:
    def not_on(self: Members, generation: int) -> list[Member]:
        return []

    return not_on


def no_life(_: Method) -> Method:
    """Txids that a restored ledger, or another one, comes to again."""

    def next_txid(self: SharedState) -> str:
        self._txids += 1
        return f"{self.epoch}.{self._txids}"

    return next_txid


def _answers_for_others(right: Method) -> Method:
    def _take_over(self: Membership, member: Member, message: Join) -> None:
        right(self, member, message)
        if message.in_doubt in self.shared.decided:
            self.outbox.tell_commit([member], self.shared.decided[message.in_doubt])
        elif message.in_doubt is not None:
            self.outbox.send([member], Abort(*self.shared.authority, message.in_doubt))

    return _take_over


def _epochs_across_ledgers(right: Method) -> Method:
    def _why_not(self: Membership, peer: bytes, message: Join) -> str:
        said: str = right(self, peer, message._replace(ledger=self.shared.ledger))
        return said

    return _why_not


def _nobody_warns(right: Method) -> Method:
    def voted(self: Transaction, member: Member, vote: Vote) -> None:
        right(self, member, vote._replace(warnings=()))

    return voted


def _never_further_back(right: Method) -> Method:
    def _fall_back(self: Startup, reasons: tuple[Reason, ...]) -> None:
        if self.back_to is None:
            right(self, reasons)
        else:
            self._give_up(reasons)

    return _fall_back


def _failures_stand(_: property) -> property:
    return property(lambda self: False)


def _provisional_is_forgotten(right: Method) -> Method:
    def __init__(self: Coordinator, *given: Any, **named: Any) -> None:
        right(self, *given, **{**named, "provisional": None})

    return __init__


def _undo_waits(right: Method) -> Method:
    def _next(self: Coordinator) -> Any:
        if not self.queue:
            return right(self)
        failed, self.shared.failed_change = self.shared.failed_change, None
        found = right(self)
        self.shared.failed_change = failed
        return found

    return _next


def _back_to_what_failed(right: Method) -> Method:
    def __init__(
        self: TakeBack, shared: SharedState, membership: Membership, failed: FailedChange
    ) -> None:
        assert shared.running is not None
        again = failed.provisional._replace(before=shared.running.configuration)
        right(self, shared, membership, failed._replace(provisional=again))

    return __init__


COORDINATOR: dict[str, Mutant] = {
    "warnings-lost": Mutant(
        "what a member warns of with its yes is not heard",
        (Patch(Transaction, "voted", _nobody_warns),),
    ),
    "falls-back-once": Mutant(
        "a start goes back to the last generation and to none before it",
        (Patch(Startup, "_fall_back", _never_further_back),),
    ),
    "commit-before-durable": Mutant(
        "COMMIT is sent while the decision is on its way to the disk",
        (Patch(Transaction, "_decide", _commit_before_durable),),
    ),
    "commit-on-majority": Mutant(
        "more than half of the votes are enough",
        (Patch(Ballot, "tally", _commit_on_majority),),
    ),
    "late-vote-counts": Mutant(
        "a late vote is counted for the next transaction",
        (Patch(Transaction, "voted", _late_vote_counts),),
    ),
    "join-in-mid-transaction": Mutant(
        "who joins in the middle of a transaction is admitted at once",
        (Patch(Transaction, "blocks_admission", _joins_are_not_held),),
    ),
    "presumed-commit": Mutant(
        "an undecided transaction is taken for committed after a restart",
        (Patch(Membership, "_resolve", _presumed_commit),),
    ),
    "slow-voter-not-told": Mutant(
        "ABORT is not sent to those whose yes is still on its way",
        (Patch(Transaction, "_abort", _slow_voter_is_not_told),),
    ),
    "lost-is-yes": Mutant(
        "a member that is lost while it is asked counts as a yes",
        (Patch(Transaction, "lost", _lost_is_yes),),
    ),
    "no-deadline": Mutant(
        "votes are awaited for ever",
        (Patch(Transaction, "time_passed", _no_deadline),),
    ),
    "shown-too-early": Mutant(
        "the broker shows a configuration whose decision is not on disk yet",
        (Patch(Coordinator, "step", _shown_too_early),),
    ),
    "old-incarnation-heard": Mutant(
        "what an ended life of a participant said counts for the next",
        (
            Patch(Members, "disconnect", _remembers_old_peers),
            Patch(Coordinator, "_received", _any_incarnation),
        ),
    ),
    "latecomers-stay-behind": Mutant(
        "who came to run the old generation while others voted is not told the new one",
        (Patch(SharedState, "decide", _latecomers_stay_behind),),
    ),
    "way-back-asks-everybody": Mutant(
        "an undo needs the vote of the module that broke",
        (Patch(WayBack, "gather", _everybody_votes),),
    ),
    "objectors-excused": Mutant(
        "on the way back a no loses its vote",
        (Patch(Transaction, "voted", _objectors_are_excused),),
    ),
    "green-after-red": Mutant(
        "what runs already is well, whoever has not applied it",
        (Patch(Members, "not_on", _nobody_is_behind),),
    ),
    "undo-forgotten": Mutant(
        "a restart forgets that a change still has to be confirmed",
        (Patch(Coordinator, "__init__", _undo_is_forgotten),),
    ),
    "failures-stand": Mutant(
        "a change stands that a member could not apply",
        (Patch(Transaction, "provisional", _failures_stand),),
    ),
    "provisional-forgotten": Mutant(
        "a restart forgets that nobody knows whether all could apply what is in force",
        (Patch(Coordinator, "__init__", _provisional_is_forgotten),),
    ),
    "undo-waits-its-turn": Mutant(
        "what a member could not apply is undone after all that waits",
        (Patch(Coordinator, "_next", _undo_waits),),
    ),
    "undone-to-itself": Mutant(
        "an undo leads to what is undone",
        (Patch(TakeBack, "__init__", _back_to_what_failed),),
    ),
    "txid-without-life": Mutant(
        "a restored ledger comes to the same txids again",
        (Patch(SharedState, "next_txid", no_life),),
    ),
    "doubt-of-another-ledger": Mutant(
        "a doubt is answered whose ledger is another one",
        (Patch(Membership, "_take_over", _answers_for_others),),
    ),
    "refuses-by-another-epoch": Mutant(
        "who has obeyed a later epoch of another ledger is refused",
        (Patch(Membership, "_why_not", _epochs_across_ledgers),),
    ),
}
