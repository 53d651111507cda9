# SPDX-License-Identifier: LGPL-3.0-or-later
"""One rank as a participant: the production machine, and modules of Flux in place of a module.

Judging and applying take their time, and the loop goes on meanwhile: their ends are events, as the
machine wants them.  What a rank could not apply it has gone back from before it says so, and it
declines that for as long as the coordinator offers it.
"""

import json
import os
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from fluxcore.framing import name_of
from participant.core.effects import Apply, Cancel, Effect, Quit, Release, Show, Tell, Validate
from participant.core.events import Connected, Cut, Event, Finished, Heard, Judged, Shown
from participant.core.machine import Participant
from participant.fluxcore.clock import Clock
from participant.fluxcore.link import CoordinatorLink
from participant.fluxcore.memory import Remembered, RunningFile
from participant.fluxcore.modules import LocalModules
from participant.fluxcore.rehearsing import RankQuestion, Rehearsals
from participant.fluxcore.site_checks import SiteChecks
from participant.judging import Judgement
from participant.questions import answer
from protocol import limits
from protocol.codec import Encoder, Malformed, decode_from_coordinator
from protocol.configuration import EMPTY, Configuration
from protocol.messages import NOTHING, Applied, FromParticipant, Prepare
from protocol.reasons import Reason, part_of

Hook = Callable[[str, object], None]
"""Called with "before" or "after" and each effect; the chaos tests' way in."""


class Rank:
    """Serves one rank.  `running` is what its modules run; None where nobody knows at all."""

    def __init__(
        self,
        rank: int,
        link: CoordinatorLink,
        modules: LocalModules,
        clock: Clock,
        running: Remembered | None,
        memory: RunningFile,
        say: Callable[[str], None],
        hook: Hook | None = None,
        checks: SiteChecks | None = None,
    ) -> None:
        """`say` takes a line for people; `checks` are asked here, beside the modules."""
        self.name = name_of(rank)
        self.modules = modules
        self.in_force = running.configuration if running else EMPTY
        """What the modules of this rank run."""
        self.generation = 0
        """Its number; 0 where that is not known."""
        self._is_certain = running is not None and running.certain
        self._memory = memory
        self.changed: Callable[[], None] = _nothing
        """Called when the rank has applied something, and when it is admitted, or declines."""
        self.rehearsals: Rehearsals | None = None
        """Where a change is rehearsed on this rank."""
        self.machine = self._new_life()
        self.refused: dict[str, tuple[Reason, ...]] = {}
        """By digest: what could not be applied last, and why."""
        self._link = link
        self._clock = clock
        self._checks = checks
        if checks is not None:
            checks.applied(self.in_force)
        self._say = say
        self._hook = hook
        self._encode = Encoder().encode
        self._events: deque[Event] = deque()
        self._draining = False
        self._candidate: Configuration | None = None
        self._admitted = False
        self._look_again_at = 0.0
        link.hear(self._heard)
        link.up, link.down = self._connected, self._cut

    def _new_life(self) -> Participant:
        """Where it is not certain what the modules run, all is applied on admission."""
        machine = Participant(self.name, uuid.uuid4().hex, os.getpid())
        machine.digest = self.in_force.digest if self._is_certain else NOTHING
        machine.report = json.dumps(self._shown())
        return machine

    # Events

    def _connected(self) -> None:
        self.feed(Connected())
        self._look_again_at = self._clock.now() + limits.RANK_REJOIN_SECONDS
        self._clock.call_at(self._look_again_at, self._join_again)

    def _join_again(self) -> None:
        """Where the coordinator has not admitted us in all this time, ask it anew."""
        due = self._clock.now() >= self._look_again_at
        waits = self.machine.linked and not self._is_admitted()
        if due and waits and not self.refused:
            self._link.reopen()

    def _is_admitted(self) -> bool:
        return self.machine.joined and self._admitted

    def _cut(self) -> None:
        self._admitted = False
        self.feed(Cut())

    def _heard(self, frame: bytes) -> None:
        message = decode_from_coordinator(frame)
        if isinstance(message, Malformed):
            self._say(f"ignored a malformed frame: {message.why}")
        else:
            self.feed(Heard(message))

    def feed(self, event: Event) -> None:
        """Take the machine through this event, and through those that come of it."""
        self._events.append(event)
        if self._draining:
            return
        self._draining = True
        try:
            while self._events:
                for effect in self.machine.step(self._events.popleft()):
                    self._carry_out(effect)
        finally:
            self._draining = False

    # Effects

    def _carry_out(self, effect: Effect) -> None:
        if self._hook is not None:
            self._hook("before", effect)
        match effect:
            case Tell(message):
                self._link.send(self._encode(message))
                self._note_admission(message)
            case Validate(candidate):
                self._validate(candidate)
            case Cancel():
                if self._checks is not None:
                    self._checks.cancel()
            case Apply(authority):
                self._apply(authority.generation)
            case Release():
                self._candidate = None
                self.modules.release()
                self._over()
            case Show(ticket, question):
                text = answer(question, self._shown, _nothing_counts)
                self._events.append(Shown(ticket, text))
            case Quit(why, wanted):
                self._quit(why, wanted)
        if self._hook is not None:
            self._hook("after", effect)

    def _note_admission(self, message: FromParticipant) -> None:
        if not isinstance(message, Applied) or self._admitted:
            return
        self._admitted = message.ok
        self.generation = self.machine.generation
        self._know(self._is_certain)
        self.changed()

    def _validate(self, candidate: Configuration) -> None:
        assert self.machine.staged is not None
        self._candidate = candidate
        known = self.refused.get(candidate.digest)
        request = self.machine.staged.request
        if not isinstance(request, Prepare):
            if known is not None:  # offered again what it has just gone back from
                self._candidate = None
                self._events.append(Judged(known))
                return
            self._events.append(Judged())  # what is in force is not a matter of votes here
            return
        seconds = max(0.1, request.allowed * limits.MODULE_PREPARE_SHARE)
        self._ask(request, candidate, seconds)

    def _ask(self, request: Prepare, candidate: Configuration, seconds: float) -> None:
        """Ask the modules and, where they are asked here, the site's checks, at the same time."""
        machine, checks = self.machine, self._checks
        said: list[Judgement] = []

        def judged(judgement: Judgement) -> None:
            said.append(judgement)
            if self.machine is not machine or len(said) < (1 if checks is None else 2):
                return
            reasons = [reason for half in said for reason in half.reasons]
            warnings = [warning for half in said for warning in half.warnings]
            if reasons:
                self.modules.release()
            self.feed(Judged(self._ours(reasons), self._ours(warnings)))
            if reasons:
                self._over()

        if checks is not None:
            checks.judge(candidate, seconds, judged)
        asked = RankQuestion(request.txid, self.in_force, candidate, request.dry_run, seconds)
        if self.rehearsals is None:
            self.modules.judge(asked.txid, candidate, asked.dry_run, seconds, judged)
        else:
            self.rehearsals.judge(self.modules, asked, judged)

    def _apply(self, generation: int) -> None:
        assert self._candidate is not None
        new, self._candidate = self._candidate, None

        def finished(reasons: tuple[Reason, ...]) -> None:
            if reasons:
                self._failed(new, reasons)
                return
            self.refused.clear()
            self.in_force, self.generation = new, generation
            if self._checks is not None:
                self._checks.applied(new)
            self._know(certain=True)
            self.changed()
            self.feed(Finished((), json.dumps(self._shown())))
            self._over()

        if self.refused and new == self.in_force:
            finished(())  # it has gone back to that by itself
        else:
            self._know(certain=False)
            self.modules.apply(new, self.in_force, finished)

    def _know(self, certain: bool) -> None:
        """Remember what the modules run, for an agent that takes our place."""
        self._is_certain = certain
        self._memory.write(self.in_force, certain)

    def _failed(self, new: Configuration, reasons: tuple[Reason, ...]) -> None:
        """The modules run what they ran: say what was refused."""
        lines = "; ".join(f"{reason.module}: {reason.message}" for reason in reasons)
        told = (Reason(self.name, lines, code=reasons[0].code),)
        self._say(f"went back: {lines}")
        self.refused = {new.digest: told}
        self._know(certain=True)
        self.feed(Finished(told))
        self._over()

    def _over(self) -> None:
        """No change is under way here any more."""
        if self.rehearsals is not None:
            self.rehearsals.over(self.in_force)

    def _quit(self, why: str, wanted: bool) -> None:
        """The coordinator goes, or will not have us as we are: ask again in a moment."""
        self._say(f"{'told to go' if wanted else 'refused'}: {why}")
        before = self.machine
        self.machine = self._new_life()
        self.machine.epoch, self.machine.ledger = before.epoch, before.ledger
        self._admitted = False
        moment = self._clock.now() + limits.RANK_REJOIN_SECONDS / 4
        self._clock.call_at(moment, self._link.reopen)

    def _ours(self, reasons: Iterable[Reason]) -> tuple[Reason, ...]:
        """Reasons of modules as reasons of this rank's."""
        return tuple(
            replace(reason, module=part_of(self.name, reason.module)) for reason in reasons
        )

    def _shown(self) -> dict[str, Any]:
        """How each module is asked, and which of them hang."""
        kinds = {name: str(kind) for name, kind in self.modules.kinds.items()}
        return {"votes": kinds, "hanging": sorted(self.modules.hanging)}


def _nothing_counts() -> None:
    """A rank counts nothing, so that all its counters are zero already."""


def _nothing() -> None:
    """Nobody has asked to be told yet."""
