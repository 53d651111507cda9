# SPDX-License-Identifier: LGPL-3.0-or-later
"""The votes on one candidate, and what they come to.

Two-phase commit's rule is here and nowhere else: the candidate is committed if every voter has
said yes, and not otherwise (Gray & Lamport, Consensus on Transaction Commit, section 3;
https://arxiv.org/abs/cs/0408036).
"""

from collections.abc import Iterable
from enum import Enum


class Tally(Enum):
    """What the votes so far come to."""

    PENDING = "a vote is missing"
    YES = "every voter said yes"
    NO = "all have voted, and not all of them yes"
    """A no is final at once; it is told when the others have said theirs, so that no reason of
    anybody's is lost."""


class Ballot:
    """One vote for each voter.  The voters are fixed when the ballot is made, but for `excuse`."""

    def __init__(self, voters: Iterable[str]) -> None:
        self.voters = frozenset(voters)
        self.votes: dict[str, bool] = {}

    def awaits(self, voter: str) -> bool:
        """True if it is a voter, and its vote is not here yet."""
        return voter in self.voters and voter not in self.votes

    def missing(self) -> frozenset[str]:
        """Those whose vote is not here yet."""
        return self.voters - self.votes.keys()

    def record(self, voter: str, yes: bool) -> None:
        """Count a vote, if it is the first one of a voter."""
        if self.awaits(voter):
            self.votes[voter] = yes

    def strike(self, voter: str) -> None:
        """It will never apply anything, whatever it said: its vote is a no."""
        assert voter in self.voters
        self.votes[voter] = False

    def excuse(self, voter: str) -> None:
        """It has no vote any more, whatever it said: only a change that goes back lets it go."""
        self.voters -= {voter}
        self.votes.pop(voter, None)

    def tally(self) -> Tally:
        """What the votes so far come to.  Nobody to ask is unanimous."""
        if len(self.votes) < len(self.voters):
            return Tally.PENDING
        assert self.votes.keys() == self.voters, "everybody who votes is a voter, and has voted"
        return Tally.YES if all(self.votes.values()) else Tally.NO
