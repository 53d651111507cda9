# SPDX-License-Identifier: LGPL-3.0-or-later
"""The end of a change that a former life decided: all apply it, or it is taken back.

The ledger tells that the generation in force is provisional: nobody knows whether all its members
could apply it.  They come back to this life and are admitted to it.  One that declines, or does not
come to run it, is the reason for an undo, as it would have been in the former life; one that stays
away is none.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from coordinator.core.member_reasons import is_behind
from coordinator.core.members import Member, MemberState
from coordinator.core.operation import Operation
from coordinator.core.results import Outcome, Result
from coordinator.core.state import SharedState
from protocol import limits
from protocol.transitions import Transitions

_UNABLE = frozenset({MemberState.REFUSED, MemberState.FAILED})


class CompletionPhase(StrEnum):
    """How far it has got."""

    WAITING = "waiting"
    """For those who voted for it."""
    KEPT = "kept"
    TAKEN_BACK = "taken back"
    LEFT = "left"
    """To the life after this one."""


class CompletionInput(StrEnum):
    """What moves it."""

    ALL_RUN = "all who are there run it"
    UNABLE = "one declined, failed, was late"
    STOP = "broker stopping"


COMPLETION: Final[Mapping[tuple[CompletionPhase, CompletionInput], CompletionPhase]] = Transitions(
    {
        (CompletionPhase.WAITING, CompletionInput.ALL_RUN): CompletionPhase.KEPT,
        (CompletionPhase.WAITING, CompletionInput.UNABLE): CompletionPhase.TAKEN_BACK,
        (CompletionPhase.WAITING, CompletionInput.STOP): CompletionPhase.LEFT,
    }
)


class Completion(Operation):
    """Waits for the members of the decision, for as long as a commit may take.

    One may come back only when it has done with the Commit that it got from the former life.
    """

    TABLE = COMPLETION
    ENDS = frozenset({CompletionPhase.KEPT, CompletionPhase.TAKEN_BACK, CompletionPhase.LEFT})

    def __init__(self, shared: SharedState) -> None:
        super().__init__(shared)
        assert shared.running is not None
        shared.unfinished = False
        self.phase: CompletionPhase = CompletionPhase.WAITING
        self.decided = shared.running
        self.deadline = shared.now + limits.COMMIT_SECONDS
        shared.outbox.wake(self.deadline)
        shared.outbox.log("completes", generation=shared.generation)
        self.advance()

    def advance(self) -> None:
        if self.over:
            return
        late = self.shared.now >= self.deadline
        voters = [self.shared.members.get(name) for name in self.decided.decision.members]
        there = [voter for voter in voters if voter is not None and voter.peer is not None]
        # Whoever runs, runs what is in force: nothing is decided meanwhile.
        behind = [voter for voter in there if voter.state is not MemberState.RUNNING]
        unable = [voter for voter in behind if late or voter.state in _UNABLE]
        if unable:
            self._move(CompletionInput.UNABLE)
            self.shared.undo_later(self._outcome(unable), None)
        elif late or (len(there) == len(voters) and not behind):
            self._move(CompletionInput.ALL_RUN)
            self.shared.keep()

    def _outcome(self, unable: list[Member]) -> Outcome:
        generation = self.shared.generation
        return Outcome(
            Result.PARTIAL,
            generation,
            self.decided.receipt.txid,
            reasons=tuple(is_behind(member, generation) for member in unable),
            digest=self.decided.configuration.digest,
            not_applied=tuple(member.name for member in unable),
        )

    def stop(self) -> None:
        if not self.over:
            self._move(CompletionInput.STOP)
