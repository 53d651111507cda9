# SPDX-License-Identifier: LGPL-3.0-or-later
"""One operation; the machine runs operations one at a time.

Each is a state machine: a phase, and a table of transitions that is drawn in docs/design.md.  An
operation is told everything that happens to members while it runs.  The defaults here ignore it;
each operation overrides what concerns it.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

from coordinator.core.members import Member
from coordinator.core.state import SharedState
from protocol.messages import Applied, Vote
from protocol.reasons import Reason


class Operation:
    """Base of all operations."""

    TABLE: ClassVar[Mapping[tuple[Any, Any], Any]] = {}
    """The phase after a phase and an input; looking up any other pair raises Forbidden."""
    ENDS: ClassVar[frozenset[StrEnum]]
    """The phases in which it is over."""
    phase: StrEnum

    def __init__(self, shared: SharedState) -> None:
        self.shared = shared
        self.outbox = shared.outbox

    @property
    def over(self) -> bool:
        """True if the next operation may begin."""
        return self.phase in self.ENDS

    @property
    def blocks_admission(self) -> bool:
        """True if a joining participant must wait for this to be decided."""
        return False

    def _move(self, given: StrEnum) -> None:
        """The only way its phase changes."""
        self.phase = self.TABLE[self.phase, given]

    def advance(self) -> None:
        """Go on as far as that is possible without a further event; called in every step."""

    def joined(self, member: Member) -> None:
        """`member` has joined (again) and has not been offered anything yet."""

    def settled(self, member: Member) -> None:
        """`member` has become RUNNING."""

    def declined(self, member: Member, reasons: tuple[Reason, ...]) -> bool:  # noqa: ARG002
        """`member` declined what is in force.  Returns True if this operation deals with it."""
        return False

    def will_decide(self, txid: str) -> bool:  # noqa: ARG002
        """True if this operation has asked about `txid` and has not decided it yet."""
        return False

    def left(self, member: Member, reasons: tuple[Reason, ...]) -> None:
        """`member` has sent Leave."""

    def voted(self, member: Member, vote: Vote) -> None:
        """`member` has answered a Prepare, possibly that of an earlier transaction."""

    def applied(self, member: Member, applied: Applied) -> None:
        """`member` has answered a Commit or an Admit."""

    def lost(self, member: Member, why: str, dead: bool) -> bool:  # noqa: ARG002
        """`member` has lost its connection, or is `dead`.

        Returns True if this operation sees to a process that is to be there again.  (One that is
        leaving is forgotten once it is dead, whoever sees to it.)
        """
        return False

    def hung_up(self, client: int) -> None:
        """A client has closed its connection."""

    def time_passed(self) -> None:
        """A deadline may have passed."""

    def stop(self) -> None:
        """The broker is to end: withdraw what is undecided, and bring the rest to its end soon."""
