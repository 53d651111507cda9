# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the client of a change is told at its end."""

from typing import TYPE_CHECKING, Final

from coordinator.core.results import Outcome, Result
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason
from protocol.transitions import TransactionState

if TYPE_CHECKING:
    from coordinator.core.operations.transaction import Transaction

RESULTS: Final = {
    TransactionState.COMMITTED: Result.COMMITTED,
    TransactionState.PARTIAL: Result.PARTIAL,
    TransactionState.PASSED: Result.VALID,
    TransactionState.UNCHANGED: Result.UNCHANGED,
    TransactionState.ABORTED: Result.REFUSED,
}
"""By the state in which a change ends."""


def outcome_of(ended: "Transaction", seconds: float) -> Outcome:
    """Of a change that has ended, after so many seconds."""
    aborted = ended.phase is TransactionState.ABORTED
    missed = {} if aborted else ended.acknowledgements.not_applied
    return Outcome(
        RESULTS[ended.phase],
        ended.shared.generation,
        ended.txid,
        reasons=(*ended.reasons, *missed.values()),
        digest=ended.candidate.digest if ended.candidate else "",
        asked=len(ended.voters),
        not_applied=tuple(missed),
        seconds=seconds,
        confirm=_confirm(ended),
        warnings=tuple(ended.warnings),
        compared=None if aborted else ended.compared,
    )


def unknown_outcome(undecided: "Transaction", seconds: float) -> Outcome:
    """Of a change whose decision is not known, because the disk has not answered."""
    silent = "the ledger's disk has not answered; the decision is not known yet"
    return Outcome(
        Result.UNKNOWN,
        undecided.shared.generation,
        undecided.txid,
        reasons=(Reason("config", silent, code=ReasonCode.DISK),),
        asked=len(undecided.voters),
        seconds=seconds,
    )


def _confirm(ended: "Transaction") -> float | None:
    """Seconds until it is undone unless it is confirmed."""
    if ended.phase is TransactionState.UNCHANGED:
        waits = ended.shared.unconfirmed is not None and not ended.request.dry_run
        return ended.request.confirm if waits else None
    committed = ended.phase in (TransactionState.COMMITTED, TransactionState.PARTIAL)
    return ended.request.confirm if committed else None
