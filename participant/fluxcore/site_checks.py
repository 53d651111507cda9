# SPDX-License-Identifier: LGPL-3.0-or-later
"""The site's own checks in a Flux instance: asked once a change, by the agent of rank 0.

They judge the whole configuration, which is the same on all ranks; so one rank asks them, beside
its modules, on the host where administrators expect their programs.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from participant.judging import Judgement
from participant.module import StagedSettings, Undecided
from participant.modules.checks import Checks
from protocol.configuration import Configuration
from protocol.reasons import Reason, Refusal

_READ = 1  # selectors.EVENT_READ


class WatchingLoop(Protocol):
    """What waits for the checks."""

    def register(self, source: Any, events: int, ready: Callable[[int], object]) -> None:
        """Call back whenever `source` is readable."""

    def unregister(self, source: Any) -> None:
        """Do so no more."""

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        """Call back once, then."""


class SiteChecks:
    """The checks, and what they judge at the moment."""

    def __init__(self, loop: WatchingLoop) -> None:
        self._loop = loop
        self._module = Checks()
        self._undecided: Undecided | None = None
        self._then: Callable[[Judgement], None] = _nothing

    def judge(
        self, candidate: Configuration, seconds: float, then: Callable[[Judgement], None]
    ) -> None:
        """Ask them; `then` follows, perhaps at once, and within `seconds`."""
        if self._undecided is not None:  # of a former life of the rank
            former, self._undecided = self._undecided, None
            self._loop.unregister(former.later.descriptor)
            former.later.cancel()
            former.later.wait()
        self._then = then
        try:
            answer = self._module.start_judging(candidate, allowed=seconds)
        except Exception as error:
            answer = Refusal((Reason("checks", f"could not be asked: {error}"),))
        if not isinstance(answer, Undecided):
            self._answer(answer)
            return
        self._undecided = answer
        self._loop.register(answer.later.descriptor, _READ, lambda _: self._look(answer))
        self._look(answer)

    def _look(self, undecided: Undecided) -> None:
        if undecided is not self._undecided:
            return  # it was decided meanwhile
        if undecided.later.look():
            self._undecided = None
            self._loop.unregister(undecided.later.descriptor)
            self._answer(self._module.end_judging(undecided))
        else:
            self._loop.call_at(undecided.later.due_monotonic, lambda: self._look(undecided))

    def _answer(self, answer: StagedSettings | Refusal) -> None:
        then, self._then = self._then, _nothing
        reasons = answer.reasons if isinstance(answer, Refusal) else ()
        # Told by the name of the module, whatever the configuration calls it.
        then(Judgement(tuple(replace(reason, module="checks") for reason in reasons)))

    def cancel(self) -> None:
        """Nobody waits for the answer; it comes all the same, and soon."""
        if self._undecided is not None:
            self._undecided.later.cancel()

    def applied(self, configuration: Configuration) -> None:
        """This is in force now, whoever has judged it."""
        self._module.adopt(configuration)


def _nothing(_: Judgement) -> None:
    """Nobody has asked."""
