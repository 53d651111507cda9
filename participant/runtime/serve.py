# SPDX-License-Identifier: LGPL-3.0-or-later
"""The loop of a participant: the link's events into its machine, the effects into its module.

Author's code runs here, in one thread, between the machine's steps.  Whatever it does wrong becomes
a reason or a log line, never the end of the loop: an exception in `prepare` is a no, an exception
in `commit` is a broken promise that the coordinator must hear of.
"""

import heapq
import itertools
import json
import os
import sys
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from participant.core.effects import Apply, Cancel, Quit, Release, Show, Tell, Validate
from participant.core.events import Connected, Cut, Event, Finished, Heard, Judged, Shown
from participant.core.machine import Participant
from participant.describe import describe
from participant.module import Module, StagedSettings, Timer, Undecided
from participant.questions import answer
from participant.transport.interface import LinkEvent, ParticipantTransport
from participant.unheard import run_verb
from protocol import limits
from protocol.codec import Encoder, Malformed, decode_from_coordinator
from protocol.messages import Leave
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason, Refusal
from protocol.traffic import TYPE_OF, nothing_yet

Hook = Callable[[str, object], None]
"""Called with "before" or "after" and each effect; the chaos tests' way in."""


class Serving:
    """Serves one module at one coordinator until it is told to stop."""

    def __init__(
        self,
        link: ParticipantTransport,
        module: Module,
        name: str,
        hook: Hook | None = None,
    ) -> None:
        """Serve `module` under `name` over `link`, which is closed by `close`."""
        self.module = module
        self.name = name
        module.read_environment(name)
        self.quit: Quit | None = None
        self.machine = Participant(name, uuid.uuid4().hex, os.getpid(), describe(type(module)))
        self._hook = hook
        self._link = link
        self._encode = Encoder().encode
        self._events: deque[Event] = deque()
        self._staged: StagedSettings | None = None
        self._undecided: Undecided | None = None
        self._ran = False
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            Tell: self._tell,
            Validate: self._validate,
            Cancel: lambda _: self._cancel(),
            Apply: self._apply,
            Release: self._release,
            Quit: self._quit,
            Show: self._show,
        }

    def run(self) -> Quit:
        """Serve until the coordinator wants us gone or will not have us; which of the two."""
        while self.quit is None:
            self.turn()
        self.close()
        return self.quit

    def turn(self) -> None:
        """Wait for something, and deal with it."""
        waits_for_more = self._timers or self._undecided is not None
        happened = self._link.wait(self._time_left() if waits_for_more else None)
        if isinstance(happened, LinkEvent):
            self.feed(Connected() if happened is LinkEvent.UP else Cut())
        elif happened is not None:
            message = decode_from_coordinator(happened)
            if isinstance(message, Malformed):
                self.complain(f"ignored a malformed frame: {message.why}")
            else:
                self.module.traffic["rx"][TYPE_OF[type(message)]] += 1
                self.feed(Heard(message))
        if self._undecided is not None and self._undecided.later.look():
            self._end_judging(self._undecided)
        if self._timers or self.module.timers:
            self._call_timers()

    def watch(self, descriptor: int) -> None:
        """Let `turn` return when this descriptor is readable, too."""
        self._link.watch(descriptor)

    def start_over(self) -> None:
        """Drop the connection and join again."""
        self._link.reopen()
        self.feed(Cut())

    def close(self, goodbye: bool = False) -> None:
        """Give the connection up for good; with `goodbye` of our own accord, which is said."""
        if goodbye:
            machine = self.machine
            self._tell(Tell(Leave(machine.epoch, machine.incarnation, self.name)))
        if self._undecided is not None:
            self._cancel()
            self._undecided.later.wait()
        self._link.close()

    # Machine

    def feed(self, event: Event) -> None:
        """Take the machine through this event, and through those that come of it."""
        self._events.append(event)
        while self._events:
            for effect in self.machine.step(self._events.popleft()):
                if self._hook is not None:
                    self._hook("before", effect)
                self._handlers[type(effect)](effect)
                if self._hook is not None:
                    self._hook("after", effect)

    def _tell(self, effect: Tell) -> None:
        message = effect.message
        self.module.traffic["tx"][TYPE_OF[type(message)]] += 1
        self._link.send(self._encode(message))

    # Author's code

    def _validate(self, effect: Validate) -> None:
        try:
            answer = self.module.start_judging(
                effect.candidate, effect.arguments, allowed=effect.allowed
            )
        except BaseException as error:
            answer = self._no_answer(error)
        self._judged(answer)

    def _no_answer(self, error: BaseException) -> Refusal:
        """Whatever an author's `prepare` raises is a no."""
        why = self._mishap("prepare", error)
        return Refusal((Reason(self.name, why, code=ReasonCode.FAULT),))

    def _judged(self, answer: StagedSettings | Refusal | Undecided) -> None:
        reasons: tuple[Reason, ...] = ()
        if isinstance(answer, StagedSettings):
            self._staged = answer
        elif isinstance(answer, Refusal):
            reasons = answer.reasons
        else:
            self._undecided = answer
            self._link.watch(answer.later.descriptor)
            return
        self._events.append(Judged(reasons, self.module.warnings))

    def _end_judging(self, undecided: Undecided) -> None:
        """What was undecided has come to its verdict."""
        self._undecided = None
        self._link.unwatch(undecided.later.descriptor)
        answer: StagedSettings | Refusal
        try:
            answer = self.module.end_judging(undecided)
        except BaseException as error:
            answer = self._no_answer(error)
        self._judged(answer)
        self.feed(self._events.pop())

    def _cancel(self) -> None:
        if self._undecided is not None:
            self._undecided.later.cancel()

    def _apply(self, _: Apply) -> None:
        assert self._staged is not None
        staged, self._staged = self._staged, None
        try:
            self.module.take(staged)
            if not self._ran:
                self._ran = True
                run_verb("run", self.module.run)
        except BaseException as error:
            why = self._mishap("commit", error)
            self._events.append(Finished((Reason(self.name, why, code=ReasonCode.FAULT),)))
            return
        self._events.append(Finished((), self.module.report()))

    def _release(self, _: Release) -> None:
        assert self._staged is not None
        staged, self._staged = self._staged, None
        try:
            run_verb("abort", self.module.abort, staged.built)
        except BaseException as error:
            self.complain(self._mishap("abort", error))

    def _show(self, effect: Show) -> None:
        try:
            text = answer(effect.question, self._stats, self._clear)
        except BaseException as error:
            text = json.dumps({"error": self._mishap("stats", error)})
        if len(text) > limits.REPORT_LENGTH:
            text = json.dumps({"error": f"its stats are longer than {limits.REPORT_LENGTH}"})
        self._events.append(Shown(effect.ticket, text))

    def _stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = self.module.without_secrets(run_verb("stats", self.module.stats))
        return stats

    def _clear(self) -> None:
        self.module.traffic = nothing_yet()
        run_verb("clear_stats", self.module.clear_stats)

    def _quit(self, effect: Quit) -> None:
        self.quit = effect

    def _mishap(self, where: str, error: BaseException) -> str:
        """What went wrong in author's code, in one line; more of it goes to stderr."""
        with suppress(OSError):  # a log that cannot be written must not end the module
            trace = "".join(traceback.format_exception(error))
            cut = self.module.without_secrets(trace)[: limits.REASONS_BYTES]
            print(cut.rstrip("\n"), file=sys.stderr)
        frames = traceback.extract_tb(error.__traceback__)
        place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
        try:
            text = str(error)
        except BaseException:
            text = "(no text)"
        shown = self.module.without_secrets(text)[: limits.REASON_BYTES]
        return f"{where} raised {type(error).__name__}: {shown}{place}"

    def complain(self, text: str) -> None:
        """A line on stderr, which is the broker's."""
        with suppress(OSError):
            print(f"{self.name}: {text}", file=sys.stderr, flush=True)

    # Timers

    def _time_left(self) -> float | None:
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        due = [self._timers[0][0]] if self._timers else []
        if self._undecided is not None:
            due.append(self._undecided.later.due_monotonic)
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _call_timers(self) -> None:
        """Call what is due, and take in what authors have asked for meanwhile."""
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            _, order, timer = heapq.heappop(self._timers)
            if timer.cancelled:
                continue
            try:
                run_verb("a timer", timer.call)
            except Exception as error:
                self.complain(self._mishap("a timer", error))
            heapq.heappush(self._timers, (time.monotonic() + timer.seconds, order, timer))
        now = time.monotonic()
        for timer in self.module.timers:
            heapq.heappush(self._timers, (now + timer.seconds, next(self._order), timer))
        self.module.timers.clear()
