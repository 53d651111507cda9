# SPDX-License-Identifier: LGPL-3.0-or-later
"""Tables of transitions, and the two that make up the agreement.

A pair that is not in a table is a step that must not happen; the machines raise `Forbidden` for it
instead of guessing.  docs/design.md draws its diagrams from these tables, and a test fails when
they drift apart.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeVar

State = TypeVar("State", bound=StrEnum)
Input = TypeVar("Input", bound=StrEnum)


class Forbidden(AssertionError):
    """A step that is in no table: a fault of this program, never of its peers."""


class Transitions(dict[tuple[State, Input], State]):
    """The state after an input; to look up a step that is not in it raises Forbidden."""

    def __missing__(self, step: tuple[State, Input]) -> State:
        state, given = step
        raise Forbidden(f"{given!r} in state {state!r}")


class TransactionState(StrEnum):
    """Where one transaction stands, as its coordinator sees it."""

    GATHERING = "gathering"
    """The candidate is being read; modules that are just joining are awaited."""
    PREPARING = "preparing"
    """Every member has been asked; votes are coming in."""
    FORCING = "forcing"
    """All said yes; the decision is on its way to the disk.  Nobody has been told."""
    COMMITTING = "committing"
    """The decision is on disk; members have been told and are applying."""
    EXTENDING = "extending"
    """The candidate is what runs, unconfirmed; a later time for its undo is on its way to disk."""
    SETTLING = "settling"
    """The candidate is what runs; members that are on their way to it are awaited."""
    COMMITTED = "committed"
    PARTIAL = "partial"
    """Committed, but some member has not applied it."""
    PASSED = "passed"
    """A dry run to which all said yes."""
    UNCHANGED = "unchanged"
    ABORTED = "aborted"


class TransactionInput(StrEnum):
    """What moves a transaction."""

    SAME = "candidate equals what runs"
    SAME_EXTEND = "candidate is what runs unconfirmed, to be confirmed"
    ASK = "members asked"
    UNREADABLE = "no candidate"
    VOTE = "vote, others awaited"
    UNANIMOUS = "all yes"
    UNANIMOUS_DRY = "all yes (dry run)"
    REFUSED = "a no, a loss"
    LATE = "deadline"
    WITHDRAWN = "client gone, broker stopping"
    EXTENDED = "later time on disk"
    SETTLED = "nobody is on the way, deadline, client gone, broker stopping"
    FORCED = "decision on disk"
    NOT_FORCED = "disk refused"
    ALL_APPLIED = "all applied"
    NOT_APPLIED = "someone has not applied"


TRANSACTION: Final[Mapping[tuple[TransactionState, TransactionInput], TransactionState]] = (
    Transitions(
        {
            (TransactionState.GATHERING, TransactionInput.SAME): TransactionState.SETTLING,
            (TransactionState.GATHERING, TransactionInput.SAME_EXTEND): TransactionState.EXTENDING,
            (TransactionState.EXTENDING, TransactionInput.EXTENDED): TransactionState.SETTLING,
            (TransactionState.EXTENDING, TransactionInput.NOT_FORCED): TransactionState.ABORTED,
            (TransactionState.SETTLING, TransactionInput.SETTLED): TransactionState.UNCHANGED,
            (TransactionState.GATHERING, TransactionInput.ASK): TransactionState.PREPARING,
            (TransactionState.GATHERING, TransactionInput.UNREADABLE): TransactionState.ABORTED,
            (TransactionState.GATHERING, TransactionInput.REFUSED): TransactionState.ABORTED,
            (TransactionState.GATHERING, TransactionInput.LATE): TransactionState.ABORTED,
            (TransactionState.GATHERING, TransactionInput.WITHDRAWN): TransactionState.ABORTED,
            (TransactionState.PREPARING, TransactionInput.VOTE): TransactionState.PREPARING,
            (TransactionState.PREPARING, TransactionInput.UNANIMOUS): TransactionState.FORCING,
            (TransactionState.PREPARING, TransactionInput.UNANIMOUS_DRY): TransactionState.PASSED,
            (TransactionState.PREPARING, TransactionInput.REFUSED): TransactionState.ABORTED,
            (TransactionState.PREPARING, TransactionInput.LATE): TransactionState.ABORTED,
            (TransactionState.PREPARING, TransactionInput.WITHDRAWN): TransactionState.ABORTED,
            (TransactionState.FORCING, TransactionInput.FORCED): TransactionState.COMMITTING,
            (TransactionState.FORCING, TransactionInput.NOT_FORCED): TransactionState.ABORTED,
            (TransactionState.COMMITTING, TransactionInput.ALL_APPLIED): TransactionState.COMMITTED,
            (TransactionState.COMMITTING, TransactionInput.NOT_APPLIED): TransactionState.PARTIAL,
        }
    )
)


class ParticipantState(StrEnum):
    """Where one participant stands, as it sees itself."""

    IDLE = "idle"
    """Runs what it runs; no promise given."""
    VALIDATING = "validating"
    """Looking at a candidate; free to say no."""
    DOOMED = "doomed"
    """Still looking at a candidate that is already aborted."""
    PREPARED = "prepared"
    """Voted yes: in doubt until the decision comes, over however many reconnections."""
    ADMITTING = "admitting"
    """Looking at a committed configuration: on joining, or anew because of other arguments."""
    APPLYING = "applying"
    BROKEN = "broken"
    """Voted yes and then failed to apply: the contract is broken."""
    GONE = "gone"


class ParticipantInput(StrEnum):
    """What moves a participant."""

    PREPARE = "Prepare"
    COMMIT = "Commit"
    ABORT = "Abort"
    ADMIT = "Admit"
    ADMIT_SAME = "Admit of what it runs"
    SHUTDOWN = "Shutdown"
    CUT = "connection lost"
    ACCEPTED = "prepare passed"
    ACCEPTED_DRY = "prepare passed (dry run)"
    REJECTED = "prepare refused"
    APPLIED = "commit done"
    BROKE = "commit failed"


PARTICIPANT: Final[Mapping[tuple[ParticipantState, ParticipantInput], ParticipantState]] = (
    Transitions(
        {
            (ParticipantState.IDLE, ParticipantInput.PREPARE): ParticipantState.VALIDATING,
            (ParticipantState.IDLE, ParticipantInput.ADMIT): ParticipantState.ADMITTING,
            (ParticipantState.IDLE, ParticipantInput.ADMIT_SAME): ParticipantState.IDLE,
            (ParticipantState.VALIDATING, ParticipantInput.ACCEPTED): ParticipantState.PREPARED,
            (ParticipantState.VALIDATING, ParticipantInput.ACCEPTED_DRY): ParticipantState.IDLE,
            (ParticipantState.VALIDATING, ParticipantInput.REJECTED): ParticipantState.IDLE,
            (ParticipantState.VALIDATING, ParticipantInput.ABORT): ParticipantState.DOOMED,
            (ParticipantState.VALIDATING, ParticipantInput.CUT): ParticipantState.DOOMED,
            (ParticipantState.DOOMED, ParticipantInput.ACCEPTED): ParticipantState.IDLE,
            (ParticipantState.DOOMED, ParticipantInput.ACCEPTED_DRY): ParticipantState.IDLE,
            (ParticipantState.DOOMED, ParticipantInput.REJECTED): ParticipantState.IDLE,
            (ParticipantState.DOOMED, ParticipantInput.CUT): ParticipantState.DOOMED,
            (ParticipantState.PREPARED, ParticipantInput.COMMIT): ParticipantState.APPLYING,
            (ParticipantState.PREPARED, ParticipantInput.ABORT): ParticipantState.IDLE,
            (ParticipantState.PREPARED, ParticipantInput.ADMIT): ParticipantState.ADMITTING,
            (ParticipantState.PREPARED, ParticipantInput.CUT): ParticipantState.PREPARED,
            (ParticipantState.ADMITTING, ParticipantInput.ACCEPTED): ParticipantState.APPLYING,
            (ParticipantState.ADMITTING, ParticipantInput.REJECTED): ParticipantState.IDLE,
            (ParticipantState.APPLYING, ParticipantInput.APPLIED): ParticipantState.IDLE,
            (ParticipantState.APPLYING, ParticipantInput.BROKE): ParticipantState.BROKEN,
            (ParticipantState.BROKEN, ParticipantInput.ADMIT): ParticipantState.ADMITTING,
            (ParticipantState.IDLE, ParticipantInput.SHUTDOWN): ParticipantState.GONE,
            (ParticipantState.VALIDATING, ParticipantInput.SHUTDOWN): ParticipantState.GONE,
            (ParticipantState.DOOMED, ParticipantInput.SHUTDOWN): ParticipantState.GONE,
            (ParticipantState.PREPARED, ParticipantInput.SHUTDOWN): ParticipantState.GONE,
            (ParticipantState.ADMITTING, ParticipantInput.SHUTDOWN): ParticipantState.GONE,
            (ParticipantState.APPLYING, ParticipantInput.SHUTDOWN): ParticipantState.GONE,
            (ParticipantState.BROKEN, ParticipantInput.SHUTDOWN): ParticipantState.GONE,
        }
    )
)
