# SPDX-License-Identifier: LGPL-3.0-or-later
"""The loop that everything in a broker takes turns in: descriptors, moments, and each turn.

A broker knows only `Loop`, so that somebody else's reactor (flux_reactor(3), the simulation's
virtual time) can take the place of epoll(7).
"""

import selectors
import time
from collections.abc import Callable
from typing import Protocol, TypeAlias

from protocol.moments import Moments

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class _HasDescriptor(Protocol):
    def fileno(self) -> int: ...


Source: TypeAlias = int | _HasDescriptor
"""A file descriptor, or an object that has one."""


class Timers(Protocol):
    """A clock, and moments of it to be called back at."""

    def now(self) -> float:
        """Seconds of a clock that never goes back."""

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        """Call back once, at `moment` of `now()` or soon after.

        Callbacks that are equal and due at the same time are called once for all.
        """


class Loop(Timers, Protocol):
    """Calls back, one callback at a time, always in the same thread."""

    def register(self, source: Source, events: int, ready: Callable[[int], object]) -> None:
        """Call `ready(events)` whenever `source` is ready for some of `events` (READ, WRITE)."""

    def modify(self, source: Source, events: int, ready: Callable[[int], object]) -> None:
        """The same for a source that is registered already."""

    def unregister(self, source: Source) -> None:
        """No longer.  Raises KeyError where it is not registered."""

    def each_turn(self, callback: Callable[[], bool]) -> None:
        """Call back last before each wait; where it returns True there is more: do not wait."""

    def run(self) -> None:
        """Take turns until `stop`."""

    def stop(self) -> None:
        """Let `run` return after the callback that is running now."""

    def close(self) -> None:
        """Let go of the descriptors."""


class SelectorLoop(Loop, Protocol):
    """A loop whose descriptors can be had through a selector as well."""

    @property
    def selector(self) -> selectors.BaseSelector:
        """Each key's data is what is called with the events."""


class EpollLoop:
    """epoll(7), by way of the standard library's selectors."""

    def __init__(self) -> None:
        self.selector: selectors.BaseSelector = selectors.DefaultSelector()
        self._moments = Moments()
        self._turns: list[Callable[[], bool]] = []
        self._running = False

    def now(self) -> float:
        return time.monotonic()

    def register(self, source: Source, events: int, ready: Callable[[int], object]) -> None:
        self.selector.register(source, events, ready)

    def modify(self, source: Source, events: int, ready: Callable[[int], object]) -> None:
        self.selector.modify(source, events, ready)

    def unregister(self, source: Source) -> None:
        self.selector.unregister(source)

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        self._moments.add(moment, callback)

    def each_turn(self, callback: Callable[[], bool]) -> None:
        self._turns.append(callback)

    def run(self) -> None:
        self._running = True
        while self._running:
            self._moments.call_back(self.now())
            # Asked last of all: whatever is done after the question may use up the only signal that
            # there is more (a ZeroMQ socket that sends something does).
            more = False
            for callback in self._turns:
                more |= callback()
            if not self._running:
                return
            for key, events in self.selector.select(self._timeout(more)):
                key.data(events)

    def _timeout(self, more: bool) -> float | None:
        if more:
            return 0.0
        moment = self._moments.next
        return moment - self.now() if moment is not None else None

    def stop(self) -> None:
        self._running = False

    def close(self) -> None:
        self.selector.close()
