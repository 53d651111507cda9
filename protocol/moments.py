# SPDX-License-Identifier: LGPL-3.0-or-later
"""Moments to be called back at: the part of a loop that is the same whatever it waits with."""

import heapq
from collections.abc import Callable


class Moments:
    """A heap of moments of one clock, in its seconds."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._made = 0

    def add(self, moment: float, callback: Callable[[], None]) -> None:
        """Have it called back at `moment`, or soon after."""
        self._made += 1
        heapq.heappush(self._heap, (moment, self._made, callback))

    @property
    def next(self) -> float | None:
        """The next moment; None where there is none."""
        return self._heap[0][0] if self._heap else None

    def call_back(self, now: float) -> None:
        """Call all that are due at `now`, those that are equal once for all.

        What they add waits for the next time, so that there is an end to it.
        """
        due: dict[Callable[[], None], None] = {}
        while self._heap and self._heap[0][0] <= now:
            due[heapq.heappop(self._heap)[2]] = None
        for callback in due:
            callback()
