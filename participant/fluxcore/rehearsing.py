# SPDX-License-Identifier: LGPL-3.0-or-later
"""A rehearsal as part of a change: on rank 0, beside its modules, while all the other ranks vote.

What Flux's own modules say against it there is a no with their own reasons.  A rehearsal that
cannot be held is a warning.  It may take some tenths of a second, so it has a thread, and the loop
goes on meanwhile.  What it is held on is kept for the next change (`kept_stage`).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from fluxcore.handle import Failure
from participant.fluxcore.clock import Clock
from participant.fluxcore.kept_stage import KeptStage
from participant.fluxcore.modules import LocalModules
from participant.fluxcore.rehearsal import BUILT_IN, ORDER, Rehearsed
from participant.judging import Judgement
from protocol import limits
from protocol.configuration import Configuration
from protocol.reasons import Reason

Submit = Callable[[Callable[[], object], Callable[[object], None]], None]
"""Has a job done beside the loop, and a callback called in the loop with its result."""


class RankQuestion(NamedTuple):
    """What a rank is asked."""

    txid: str
    in_force: Configuration
    candidate: Configuration
    dry_run: bool
    seconds: float


class Rehearsals:
    """Of one rank: its modules are asked, and so are the same modules of an instance beside it."""

    def __init__(
        self,
        kept: KeptStage,
        submit: Submit,
        clock: Clock,
        wanted: Callable[[str], bool],
    ) -> None:
        """`wanted(txid)`: is this one rehearsed?"""
        self._kept = kept
        self._submit = submit
        self._clock = clock
        self._wanted = wanted
        self._number = 0
        self._is_open = False
        """Whether a change is under way that was rehearsed."""

    def judge(
        self, modules: LocalModules, asked: RankQuestion, then: Callable[[Judgement], None]
    ) -> None:
        """What the modules say, and what came of the rehearsal; once, in about `asked.seconds`."""
        if not self._wanted(asked.txid):
            modules.judge(asked.txid, asked.candidate, asked.dry_run, asked.seconds, then)
            return
        ours: list[Judgement] = []
        beside: list[Judgement] = []

        def one_more() -> None:
            for own in ours:
                for rehearsed in beside:
                    then(_both(own, rehearsed, modules))

        def modules_said(judgement: Judgement) -> None:
            ours.append(judgement)
            one_more()

        def held(found: Rehearsed) -> None:
            beside.append(_judgement(found))
            one_more()

        modules.judge(asked.txid, asked.candidate, asked.dry_run, asked.seconds, modules_said)
        self._hold(modules, asked, held)

    def _hold(
        self, modules: LocalModules, asked: RankQuestion, then: Callable[[Rehearsed], None]
    ) -> None:
        answered = False
        until = self._clock.now() + asked.seconds

        def once(found: object) -> None:
            nonlocal answered
            if not answered:
                answered = True
                told = found if isinstance(found, Rehearsed) else Rehearsed(why_none=str(found))
                then(told)

        def listed(names: tuple[str, ...] | Failure) -> None:
            if isinstance(names, Failure):
                once(f"module list: {names.text}")
            else:
                self._submit(lambda: self._rehearse(names, asked, until), once)
                self._number, self._is_open = self._number + 1, True

        late = f"not done within {asked.seconds:.3g} s"
        self._clock.call_at(until, lambda: once(late))
        modules.list(listed)

    def _rehearse(self, names: tuple[str, ...], asked: RankQuestion, until: float) -> Rehearsed:
        """In the thread: one rehearsal at a time, so this one may have waited for another."""
        seconds = until - self._clock.now() - limits.REHEARSAL_END_SECONDS
        return self._kept.rehearse(names, asked.in_force, asked.candidate, seconds)

    def over(self, in_force: Configuration) -> None:
        """A change is over, whatever came of it, and this is in force."""
        if not self._is_open:
            return
        self._is_open, number = False, self._number
        self._submit(lambda: self._kept.settle(in_force), _no_matter)

        def expire() -> None:
            if self._number == number:  # else it has been used since
                self._submit(self._kept.expire, _no_matter)

        allowed = limits.REHEARSAL_KEPT_SECONDS + limits.REHEARSAL_SECONDS
        self._clock.call_at(self._clock.now() + allowed, expire)


def _no_matter(_: object) -> None:
    """Nobody waits for that."""


def _both(own: Judgement, rehearsed: Judgement, modules: LocalModules) -> Judgement:
    """Both in one; a module that has objected is not cited twice.

    A no releases whatever has prepared here.
    """
    objectors = {reason.module for reason in own.reasons}
    also = tuple(reason for reason in rehearsed.reasons if reason.module not in objectors)
    if also:
        modules.release()
    return Judgement((*own.reasons, *also), (*own.warnings, *rehearsed.warnings))


def _judgement(found: Rehearsed) -> Judgement:
    own = {*ORDER, *BUILT_IN}
    warnings = tuple(
        warning for warning in found.warnings if found.why_none or warning.module in own
    )  # modules that are not Flux's are not rehearsed, and `status` tells how they are asked
    return Judgement(tuple(map(_marked, found.reasons)), warnings)


def _marked(reason: Reason) -> Reason:
    return replace(reason, message=f"{reason.message} (rehearsed)")
