# SPDX-License-Identifier: LGPL-3.0-or-later
"""A change that a member could not apply is taken back, and its client is told so.

For a coordinator that was made with `undo_failures`: its members cannot all be asked before commit
(modules of Flux that have no word for it), so that one of them may refuse what all have voted for.
It has gone back by itself then, and here all the others follow, by the way back, before anything
that waits.  The ledger marks such a change as provisional until all who are there have applied it;
so a coordinator that dies in between leaves it to its next life (`completion`).
"""

from coordinator.core.effects import Answer
from coordinator.core.members import MemberState
from coordinator.core.membership import Membership
from coordinator.core.operations.confirm import UNDO
from coordinator.core.operations.undo_reason import not_applied
from coordinator.core.operations.way_back import WayBack
from coordinator.core.requests import ChangeRequest, Replacement, Who
from coordinator.core.results import Outcome, Result
from coordinator.core.state import FailedChange, SharedState
from protocol import limits
from protocol.reasons import Reason
from protocol.transitions import TransactionState

UNDONE = "undone"
"""The first word of the reason that a change was made and taken back."""


def failed_is_due(shared: SharedState) -> FailedChange | None:
    """What is to be undone now, if anything."""
    failed = shared.failed_change
    return failed if failed is not None and shared.now >= failed.due_monotonic else None


class TakeBack(WayBack):
    """Bring everybody to what ran before the change; nobody can withdraw it."""

    def __init__(self, shared: SharedState, membership: Membership, failed: FailedChange) -> None:
        self.failed = failed
        generation, reasons = failed.outcome.generation, failed.outcome.reasons
        message = not_applied(generation, str(reasons[0]) if reasons else "")
        request = ChangeRequest(
            Replacement(failed.provisional.before),
            UNDO,
            Who(command=f"undo of generation {generation}"),
            message=message,
        )
        shared.failed_change = None
        super().__init__(shared, membership, failed.client, request, shared.now)

    def hung_up(self, client: int) -> None:
        if self.client == client:
            self.client = None

    def _bring_along(self) -> None:
        """Also who has declined the change, because it came when the decision was made already."""
        super()._bring_along()
        for member in self.shared.members:
            if member.state is MemberState.REFUSED:
                assert member.peer is not None, "one that is cut off is joining"
                self.returning[member.name] = member
                self.acknowledgements.expect(member.name)

    def _close(self) -> None:
        super()._close()
        if self.phase is TransactionState.ABORTED:
            self.shared.undo_later(self.failed.outcome, None, limits.UNDO_AGAIN_SECONDS)

    def _answer(self, outcome: Outcome) -> None:
        super()._answer(combined(self.failed.outcome, outcome))


def combined(change: Outcome, undo: Outcome) -> Outcome:
    """What the client is told: the reasons of the change, and what came of the undo."""
    match undo.result:
        case Result.COMMITTED:
            result = Result.UNDONE
            why = f"{UNDONE}: all run what ran before, now generation {undo.generation}"
        case Result.PARTIAL:
            result = Result.UNDONE
            why = f"{UNDONE}: what ran before is in force again, as generation {undo.generation}"
        case Result.UNKNOWN:
            result = Result.UNKNOWN
            why = f"whether generation {change.generation} is undone is not known yet"
        case _:
            result = change.result
            why = f"generation {change.generation} could not be undone yet"
    return change._replace(
        result=result,
        generation=undo.generation,
        reasons=(*change.reasons, Reason("config", why), *undo.reasons),
        not_applied=change.not_applied if result is change.result else undo.not_applied,
        seconds=change.seconds + undo.seconds,
        confirm=None,
    )


def stays_for_now(shared: SharedState) -> None:
    """The coordinator stops: the next life undoes it, and the client is not left waiting."""
    failed, shared.failed_change = shared.failed_change, None
    if failed is None or failed.client is None:
        return
    later = Reason("config", "not undone yet: the broker is stopping, and its next start undoes it")
    reasons = (*failed.outcome.reasons, later)
    shared.outbox.emit(Answer(failed.client, failed.outcome._replace(reasons=reasons)))
