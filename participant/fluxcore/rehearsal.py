# SPDX-License-Identifier: LGPL-3.0-or-later
"""Rehearsal: Flux's own modules are given a candidate, in an instance that is thrown away.

The modules of flux-core can say what they think of a configuration only by taking it into use.  So
a broker is started beside the real one, with the same modules and what is in force; they are given
the candidate, all at once, and say all their reasons; the broker ends.  A rehearsal that cannot be
held is no verdict: it is a warning, never a yes or a no.

What it cannot know: the arguments with which modules were loaded (module.list does not tell), and
modules that are not Flux's own, whose code would act on the world outside a second time.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from participant.fluxcore.flux_text import reasons_in
from participant.fluxcore.throwaway import NoRehearsal, ThrowAway
from participant.judging import Judgement
from protocol.configuration import EMPTY, Configuration
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason, bounded

ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    "heartbeat": (),
    "content": (),
    "content-sqlite": (),
    "kvs": (),
    "kvs-watch": (),
    "sdbus": (),
    "sdexec": (),
    "resource": ("noverify",),
    "job-manager": (),
    "job-info": (),
    "job-list": (),
    "job-ingest": (),
    "job-exec": (),
}
"""Flux's own modules that a rehearsal loads, in this order, with these arguments."""

BUILT_IN: Final = ("connector-local", "overlay")
"""Part of every broker, so not loaded, and asked all the same."""

USUAL: Final = tuple(name for name in ORDER if name not in ("sdbus", "sdexec"))
"""What an instance without systemd loads."""


class Rehearsed(NamedTuple):
    """What came of a rehearsal."""

    said: Mapping[str, Judgement] = {}
    """Of the modules that were asked, their own reasons; none is a yes."""
    not_asked: Mapping[str, str] = {}
    """Of the other modules, why not."""
    why_none: str = ""
    """Why there was no rehearsal at all; then `said` is empty."""
    seconds: float = 0.0

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """All modules' reasons."""
        return tuple(reason for judgement in self.said.values() for reason in judgement.reasons)

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """What could not be rehearsed, for whoever makes the change."""
        if self.why_none:
            why = f"could not be held: {self.why_none}"
            return (Reason("rehearsal", why, code=ReasonCode.NOT_ASKED),)
        return tuple(
            Reason(name, f"could not be rehearsed: {why}", code=ReasonCode.NOT_ASKED)
            for name, why in self.not_asked.items()
        )


def part_of_it(modules: Iterable[str]) -> frozenset[str]:
    """Those that a rehearsal asks."""
    return frozenset(modules) & {*ORDER, *BUILT_IN}


def not_loaded(modules: Iterable[str]) -> dict[str, str]:
    """The others, and why not."""
    others = sorted(set(modules) - {*ORDER, *BUILT_IN})
    return dict.fromkeys(others, "only flux-core's own modules are loaded twice")


def rehearse(
    flux: str,
    modules: Collection[str],
    in_force: Configuration,
    candidate: Configuration,
    seconds: float,
) -> Rehearsed:
    """What Flux's own modules of these names say to `candidate`, after at most `seconds`.

    `flux` is the path of the real command.  Blocks; nothing of the instance is left when it
    returns.  Raises nothing: what goes wrong is in `why_none`.
    """
    began = time.monotonic()
    try:
        with Stage(flux, modules, in_force, seconds) as stage:
            said = stage.give(candidate)
            not_asked = stage.not_asked | not_loaded(modules)
            return Rehearsed(said, not_asked, seconds=time.monotonic() - began)
    except NoRehearsal as error:
        return Rehearsed(why_none=str(error), seconds=time.monotonic() - began)


class Stage:
    """A throw-away instance of one broker, on which candidates are given one after the other."""

    def __init__(
        self,
        flux: str,
        modules: Iterable[str],
        in_force: Configuration = EMPTY,
        seconds: float = 10.0,
    ) -> None:
        """Start it; `seconds` is for all that follows, up to the next `extend`.

        Raises NoRehearsal.
        """
        names = set(modules)
        self.runs = in_force
        """What its modules were given last."""
        self._in_force = in_force
        self.not_asked: dict[str, str] = {}
        """Those of its modules that have no say, and why."""
        self._instance = ThrowAway(flux, time.monotonic() + seconds)
        try:
            answer = self._instance.ask(
                {
                    "load": [(name, name, given) for name, given in ORDER.items() if name in names],
                    "ask": [*BUILT_IN, *(name for name in ORDER if name in names)],
                    "in-force": in_force.plain(),
                    "seconds": seconds / 2,
                }
            )
            self.not_asked = _texts(answer.get("failed"))
        except BaseException:
            self.close()
            raise

    def extend(self, seconds: float) -> None:
        """Allow so much time from now on."""
        self._instance.deadline = time.monotonic() + seconds

    def follow(self, in_force: Configuration) -> None:
        """This is in force now: they are given it before the next candidate, unless they run it."""
        self._in_force = in_force

    def give(self, candidate: Configuration) -> dict[str, Judgement]:
        """What the modules say, each its own reasons.

        First they are put back to what is in force, if they run anything else.  One that has ended
        says nothing, and is in `not_asked` afterwards.  Raises NoRehearsal, also where one does not
        go back.
        """
        moved = self.runs != self._in_force
        self.runs = candidate
        answer = self._instance.ask(
            {
                "candidate": candidate.plain(),
                "back": self._in_force.plain() if moved else None,
                "seconds": self._instance.time_left / 2,
            }
        )
        stuck = _texts(answer.get("stuck"))
        if stuck:
            told = "; ".join(f"{name}: {text}" for name, text in stuck.items())
            raise NoRehearsal(f"not all went back to what is in force: {told}")
        self.not_asked = {**self.not_asked, **_texts(answer.get("gone", {}))}
        refused = _texts(answer.get("refused"))
        return {
            name: Judgement(
                bounded(reasons_in(name, refused[name], candidate)) if name in refused else ()
            )
            for name in _texts(answer.get("asked"))
        }

    def close(self) -> None:
        """Have nothing left of it."""
        self._instance.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _texts(told: Any) -> dict[str, str]:
    """Names and texts in an answer.  Raises NoRehearsal for anything else."""
    if not isinstance(told, dict):
        raise NoRehearsal("the instance gave no answer that can be read")
    return {str(name): str(text) for name, text in told.items()}
