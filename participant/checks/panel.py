# SPDX-License-Identifier: LGPL-3.0-or-later
"""All checks of one candidate: a few at a time, each to its end, while their module goes on."""

import errno
import select
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from participant.checks.run import Paper, Run
from participant.checks.verdict import CheckReason, objections
from participant.later import Later
from participant.module import Reject, Rejects
from protocol import limits
from protocol.reason_code import ReasonCode


class CheckRefusal(Reject):
    """A no of a command."""

    code = ReasonCode.CHECK


class CheckQuestion(NamedTuple):
    """One check that is to be asked, with all that it needs."""

    name: str
    program: str
    words: tuple[str, ...]
    seconds: float
    text: bytes
    """What it reads: JSON."""


class Panel(Later):
    """The checks that are asked about one candidate."""

    def __init__(
        self, questions: list[CheckQuestion], candidate: Mapping[str, Any], seconds: float
    ) -> None:
        """Start the first of them.  They have `seconds` together."""
        self._candidate = candidate
        self._poll = select.epoll()
        self._waiting = deque(questions)
        self._running: list[Run] = []
        self._over: list[Run] = []
        self._until = time.monotonic() + seconds
        self._seconds = seconds
        self._cancelled = False
        self._papers: dict[bytes, Paper] = {}
        self._objections: list[CheckReason] = []
        """No Reject yet: this begins within `prepare`, where one that is made has to be raised."""
        self._fill()

    @property
    def descriptor(self) -> int:
        return self._poll.fileno()

    @property
    def due_monotonic(self) -> float:
        return min((run.due_monotonic for run in self._running), default=self._until)

    def look(self) -> bool:
        now = time.monotonic()
        for run in list(self._running):
            if run.look(now):
                self._running.remove(run)
                run.unregister()
                self._over.append(run)
                self._objections += objections(run.ended(), self._candidate)
        self._fill()
        return not self._running and not self._waiting

    def cancel(self) -> None:
        self._cancelled = True
        self._waiting.clear()
        for run in self._running:
            run.kill("was stopped: nobody waits for its answer any more")

    def result(self) -> object:
        self._poll.close()
        for paper in self._papers.values():
            paper.close()
        self._papers.clear()
        if self._cancelled:
            raise Reject("nobody waits for the checks any more")
        if self._objections:
            raise Rejects([CheckRefusal(message, key) for message, key in self._objections])
        return None

    @property
    def left_behind(self) -> list[Run]:
        """Runs that were killed and are not gone."""
        return [run for run in (*self._running, *self._over) if not run.is_gone()]

    def _next(self) -> CheckQuestion | None:
        """The next one that may begin; no command runs twice at once."""
        if len(self._running) < limits.CHECKS_AT_ONCE:
            running = [run.words for run in self._running]
            for question in self._waiting:
                if question.words not in running:
                    self._waiting.remove(question)
                    return question
        return None

    def _fill(self) -> None:
        while (question := self._next()) is not None:
            left = self._until - time.monotonic()
            if left <= 0:
                why = f"{question.name}: was not asked: no time was left of {self._seconds:.3g} s"
                self._objections.append(CheckReason(why))
                continue
            try:
                paper = self._papers.get(question.text)
                if paper is None:
                    paper = self._papers[question.text] = Paper(question.text)
                seconds = min(question.seconds, left)
                run = Run(question.name, question.program, question.words, paper, seconds)
            except (OSError, ValueError) as error:
                why = str(getattr(error, "strerror", None) or error)
                if getattr(error, "errno", None) == errno.ENOEXEC:
                    why += " (a script begins with #! and its interpreter)"
                why = f"{question.name}: could not be started: {why}"
                self._objections.append(CheckReason(why))
                continue
            run.register(self._poll)
            self._running.append(run)
