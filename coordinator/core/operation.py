# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the machine is busy with: one thing at a time, each a small machine of its own.

An activity hears everything that happens to members while it lasts.  The defaults here ignore;
each activity says only what it cares about.
"""

from coordinator.core.members import Member
from coordinator.core.state import SharedState
from protocol.messages import Applied, Vote
from protocol.reasons import Reason


class Operation:
    """Something that takes turns with other somethings."""

    over = False
    """Whether the next activity may begin."""
    blocks_admission = False
    """Whether a joining participant must wait for this to be decided."""

    def __init__(self, shared: SharedState) -> None:
        self.shared = shared

    def joined(self, member: Member) -> None:
        """`member` has joined (again) and has not been offered anything yet."""

    def settled(self, member: Member) -> None:
        """`member` has become RUNNING."""

    def declined(self, member: Member, reasons: tuple[Reason, ...]) -> bool:  # noqa: ARG002
        """`member` does not want what is in force; True: this activity sees to its fate."""
        return False

    def will_decide(self, txid: str) -> bool:  # noqa: ARG002
        """Whether the decision on `txid` is still to come, from here."""
        return False

    def left(self, member: Member, reasons: tuple[Reason, ...]) -> None:
        """`member` said goodbye."""

    def voted(self, member: Member, vote: Vote) -> None:
        """`member` answered Prepare; possibly that of an earlier transaction."""

    def applied(self, member: Member, applied: Applied) -> None:
        """`member` was through a commit, well or not."""

    def lost(self, member: Member, why: str, dead: bool) -> bool:  # noqa: ARG002
        """`member` is cut off or `dead`; True: this activity sees to its fate."""
        return False

    def hung_up(self, client: int) -> None:
        """A client is gone."""

    def time_passed(self) -> None:
        """Time has passed."""

    def stop(self) -> None:
        """The broker wants to end; finish, or give way where that is harmless."""
