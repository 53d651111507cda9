# SPDX-License-Identifier: LGPL-3.0-or-later
"""A participant as a value: the production's machine, and a module in few words.

It does with events and effects what `participant.runtime.serve` does.  What the module makes of a
candidate, and what befalls it in a commit, is the world's choice.
"""

from collections import deque
from typing import NamedTuple, assert_never

from participant.core import effects
from participant.core.events import Event, Finished, Heard, Judged, Shown
from participant.core.machine import Participant
from protocol.messages import Admit, Commit, FromParticipant
from protocol.reasons import Reason


class Module(NamedTuple):
    """What the code around a participant's machine holds."""

    running: str = ""
    """Digest of what was applied last."""
    staged: str = ""
    """Digest of what was accepted and neither applied nor released."""
    work: str = ""
    """"judge" or "apply" while that is under way, else nothing."""
    candidate: str = ""
    """Digest of what is being judged."""
    cancelled: bool = False
    """Nobody waits for that verdict any more: it may be cut short, which is a no."""


class Choice(NamedTuple):
    """What the module does in one turn."""

    no: bool = False
    warns: bool = False
    """It takes the candidate, and has something to say about it."""
    mishap: str = ""
    """In a commit: "break", "die", or nothing."""
    hangs: str = ""
    """What it begins and does not end in this turn: "judge", "apply", "both", or nothing;
    "for ever": its verdict, for which it listens on, does not come unless it is cancelled."""


_JUDGE, _APPLY = ("judge", "both", "for ever"), ("apply", "both", "for ever")


class Applied(NamedTuple):
    """A configuration taken into use."""

    authority: Commit | Admit
    digest: str


class Reaction(NamedTuple):
    """What came of one event."""

    machine: Participant
    module: Module
    said: tuple[FromParticipant, ...] = ()
    applied: tuple[Applied, ...] = ()
    judged: str = ""
    """Digest of what was given to the module to look at."""
    did: tuple[str, ...] = ()
    """What the machine had done, in the words for it: "judge", "apply", "release", and so on."""
    quits: str = ""
    """"wanted" or "refused" where it is to go."""
    dies: bool = False


class _Turn:
    def __init__(self, machine: Participant, module: Module, choice: Choice) -> None:
        self.machine = machine
        self.module = module
        self.choice = choice
        self.said: list[FromParticipant] = []
        self.applied: list[Applied] = []
        self.judged = ""
        self.did: list[str] = []
        self.quits = ""
        self.dies = False
        self.events: deque[Event] = deque()

    def take(self, event: Event) -> Reaction:
        self.events.append(event)
        while self.events and not self.dies:
            for effect in self.machine.step(self.events.popleft()):
                self._do(effect)
                if self.dies:
                    break
        return Reaction(self.machine, self.module, tuple(self.said), tuple(self.applied),
                        self.judged, tuple(self.did), self.quits, self.dies)  # fmt: skip

    def _do(self, effect: effects.Effect) -> None:
        module = self.module
        match effect:
            case effects.Tell(message):
                self.said.append(message)
            case effects.Validate(candidate):
                self.did.append("judge")
                self.judged = candidate.digest
                assert not module.work, "one thing at a time"
                self.module = module._replace(work="judge", candidate=candidate.digest,
                                              cancelled=False)  # fmt: skip
                if self.choice.hangs not in _JUDGE:
                    self.end_work()
            case effects.Cancel():
                self.did.append("cancel")  # Judged comes all the same
                self.module = module._replace(cancelled=module.work == "judge")
            case effects.Apply(authority):
                self.did.append("apply")
                assert module.staged, "only what was accepted can be applied"
                self.applied.append(Applied(authority, module.staged))
                self.module = module._replace(running=module.staged, staged="", work="apply")
                self.dies = self.choice.mishap == "die"
                if self.choice.hangs not in _APPLY and not self.dies:
                    self.end_work()
            case effects.Release():
                self.did.append("release")
                assert module.staged or module.candidate, "there is something to release"
                self.module = module._replace(staged="", candidate="")
            case effects.Show(ticket):
                self.events.append(Shown(ticket, "{}"))
            case effects.Quit(_, wanted):
                self.did.append("quit")
                self.quits = "wanted" if wanted else "refused"
            case _:
                assert_never(effect)

    def end_work(self) -> None:
        """The module's code has returned."""
        module = self.module
        if module.work == "apply":
            why = (Reason(self.machine.name, "no"),) if self.choice.mishap == "break" else ()
            self.module = module._replace(work="")
            self.events.append(Finished(why))
            return
        self.module = module._replace(work="", candidate="", cancelled=False)
        if not module.candidate:
            return  # released meanwhile
        if self.choice.no:
            self.events.append(Judged((Reason(self.machine.name, "no"),)))
            return
        assert not module.staged, "nothing is staged over something staged"
        self.module = self.module._replace(staged=module.candidate)
        warnings = (Reason(self.machine.name, "a doubt"),) if self.choice.warns else ()
        self.events.append(Judged((), warnings))


def react(machine: Participant, module: Module, event: Event | None, choice: Choice) -> Reaction:
    """`machine`, which is changed, after this event; None: after the end of its module's work."""
    turn = _Turn(machine, module, choice)
    if event is None:
        turn.end_work()
        if not turn.events:
            return Reaction(machine, turn.module)
        event = turn.events.popleft()
    return turn.take(event)


def words_of(event: Event | None) -> str:
    """The event's name."""
    if isinstance(event, Heard):
        return type(event.message).__name__
    return type(event).__name__
