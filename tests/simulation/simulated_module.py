# SPDX-License-Identifier: LGPL-3.0-or-later
"""The module inside a participant, as its author might have written it: also slow, also broken."""

from typing import TYPE_CHECKING

from participant.core.events import Judged
from protocol.configuration import Configuration
from protocol.messages import Arguments
from protocol.reasons import Reason

if TYPE_CHECKING:
    from tests.simulation.world import World

BAD = "bad"
"""A value that no module takes."""
HANG_SECONDS = 25.0
"""How long a commit takes that hangs: longer than anybody's patience."""


class SimulatedModule:
    """Judges candidates by what they say of it, and keeps what it was told to apply."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        self.running = ""
        self.staged: Configuration | None = None
        self.judging: Configuration | None = None
        self.hang = 0.0
        """Seconds that the next piece of work takes in addition."""
        self.break_next = False
        self._chance = world.chance.stream(f"author {name}")

    def judge(self, candidate: Configuration, arguments: Arguments) -> Judged:
        """What `prepare` will say, once it has taken its time."""
        assert self.judging is None, "one candidate at a time"
        self.judging = candidate
        if self.name in self.world.rejected_by(candidate.digest):
            return Judged((Reason(self.name, "not this one"),))
        if any(argument.value == BAD for argument in arguments) and not self.world.ending:
            return Judged((Reason(self.name, "not this value"),))
        doubts = self.world.doubts_of(self.name, candidate.digest)
        if doubts is None:
            return Judged(())
        if doubts.at_start and not self.running:
            return Judged((Reason(self.name, "not at a start"),))
        return Judged((), (Reason(self.name, "a doubt"),))

    def has_judged(self, verdict: Judged) -> bool:
        """`prepare` has returned; False where nobody waits for it any more."""
        candidate, self.judging = self.judging, None
        if candidate is None:
            return False
        if not verdict.reasons:
            assert self.staged is None, "nothing is staged over something staged"
            self.staged = candidate
        return True

    def apply(self) -> str:
        """`commit`: the digest that runs from now on."""
        assert self.staged is not None, "only what was validated can be applied"
        self.running, self.staged = self.staged.digest, None
        if self.world.mishap_of(self.name, self.running) == "hang":
            self.hang = HANG_SECONDS
        return self.running

    def release(self) -> None:
        """`abort`."""
        assert self.staged is not None or self.judging is not None, "there is something to release"
        self.staged = self.judging = None

    def breaks(self) -> bool:
        """Whether this commit raises."""
        breaks, self.break_next = self.break_next, False
        return breaks or self.world.mishap_of(self.name, self.running) == "break"

    def dies(self) -> bool:
        """Whether this commit ends its process."""
        return self.world.mishap_of(self.name, self.running) == "die"

    def take_time(self) -> float:
        """Seconds for the next piece of work; often none worth mentioning."""
        hang, self.hang = self.hang, 0.0
        draw = self._chance.random()
        return hang + (0.0 if draw < 0.6 else draw * self.world.slowness)
