# SPDX-License-Identifier: LGPL-3.0-or-later
"""One throw-away instance that is kept between the changes of an agent, so that few wait for one.

It is to say what a new one would.  So it is used again only while all that its modules ever ran was
in force in the real instance at that time, too: what was given to it and did not come into force
may have left something behind (`overlay` keeps keys that a configuration leaves out), and a new one
is started.  A no that it says counts only if a new one says it as well.  Used in one thread.
"""

import os
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Final, NamedTuple

from participant.fluxcore.rehearsal import Rehearsed, Stage, not_loaded, part_of_it
from participant.fluxcore.throwaway import NoRehearsal
from protocol import limits
from protocol.configuration import Configuration

_SHARE: Final = 0.5
"""Of the time for a rehearsal, what one that was kept may take; the rest is for a new one."""
_CLOSE_SECONDS: Final = 2.0


class _Made(NamedTuple):
    """All that a stage is made of: another one is needed where any of it differs."""

    modules: frozenset[str]
    command: tuple[int, ...]
    environment: dict[str, str]


class KeptStage:
    """At most one instance, and those that are on their way out."""

    def __init__(self, flux: str, now: Callable[[], float] = time.monotonic) -> None:
        """`flux` is the path of the real command; `now` a clock that never goes back."""
        self._flux = flux
        self._now = now
        self._stage: Stage | None = None
        self._made: _Made | None = None
        self._is_clean = False
        """Whether what it was given last is known to have been in force."""
        self._used_at = 0.0
        self._leaving: list[Stage] = []

    def rehearse(
        self,
        modules: Collection[str],
        in_force: Configuration,
        candidate: Configuration,
        seconds: float,
    ) -> Rehearsed:
        """What modules of these names say to `candidate`, after at most `seconds`; raises nothing.

        What is not needed any more is left to `settle`, for which nobody waits.
        """
        began = self._now()
        made = self._made_of(modules)
        for_it = min(seconds * _SHARE, limits.REHEARSAL_KEPT_ANSWER_SECONDS)
        found = self._on_the_kept(made, in_force, candidate, for_it)
        if found is None or found.reasons or found.why_none:
            self._leave()
            anew = self._on_a_new_one(made, in_force, candidate, began + seconds - self._now())
            if found is None or found.why_none or not anew.why_none:
                found = anew
        self._used_at = self._now()
        others = {} if found.why_none else not_loaded(modules)
        return found._replace(not_asked={**found.not_asked, **others},
                              seconds=self._now() - began)  # fmt: skip

    def _made_of(self, modules: Collection[str]) -> _Made:
        command: tuple[int, ...] = ()
        with suppress(OSError):  # it is told where one is to be started
            file = os.stat(self._flux)
            command = (file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns)
        return _Made(part_of_it(modules), command, dict(os.environ))

    def _on_the_kept(
        self, made: _Made, in_force: Configuration, candidate: Configuration, seconds: float
    ) -> Rehearsed | None:
        """What the one that is here says; None where there is none that is as good as a new one."""
        stage = self._stage
        if stage is None or self._made != made:
            return None
        if stage.runs != in_force and not self._is_clean:
            return None
        stage.extend(seconds)
        stage.follow(in_force)
        before = stage.not_asked
        found = self._give(stage, candidate)
        if found.not_asked != before and not found.why_none:
            return Rehearsed(why_none="a module of it has ended")
        return found

    def _on_a_new_one(
        self, made: _Made, in_force: Configuration, candidate: Configuration, seconds: float
    ) -> Rehearsed:
        if seconds <= 0:
            return Rehearsed(why_none="there is no time for it")
        try:
            stage = self._stage = Stage(self._flux, made.modules, in_force, seconds)
        except NoRehearsal as error:
            return Rehearsed(why_none=str(error))
        self._made = made
        return self._give(stage, candidate)

    def _give(self, stage: Stage, candidate: Configuration) -> Rehearsed:
        self._is_clean = False
        try:
            said = stage.give(candidate)
        except NoRehearsal as error:
            self._leave()
            return Rehearsed(why_none=str(error))
        return Rehearsed(said, stage.not_asked)

    # When nobody waits

    def settle(self, in_force: Configuration) -> None:
        """The change is over, and this is what came of it: have one ready for the next."""
        stage, made = self._stage, self._made
        if stage is not None and made is not None:
            if stage.runs == in_force:
                self._is_clean = True
            elif not self._is_clean:
                self._leave()
                with suppress(NoRehearsal):  # the next change will say why
                    self._renew(made, in_force)
        self._clear()

    def _renew(self, made: _Made, in_force: Configuration) -> None:
        self._stage = Stage(self._flux, made.modules, in_force, limits.REHEARSAL_SECONDS)
        self._is_clean = True

    def expire(self) -> None:
        """End one that was not used for long: it is memory."""
        if self._now() - self._used_at >= limits.REHEARSAL_KEPT_SECONDS:
            self.close()

    def _clear(self) -> None:
        """Have nothing left of those that are not used any more."""
        while self._leaving:
            stage = self._leaving.pop()
            stage.extend(_CLOSE_SECONDS)
            stage.close()

    def close(self) -> None:
        """Have nothing left at all."""
        self._leave()
        self._clear()

    def _leave(self) -> None:
        if self._stage is not None:
            self._leaving.append(self._stage)
            self._stage = None
