# SPDX-License-Identifier: LGPL-3.0-or-later
"""Virtual time: what happens next, and when.  Nothing here ever looks at a real clock."""

import heapq
from collections.abc import Callable
from typing import Any


class Scheduler:
    """Things to come, in the order of their moments; equal moments in the order of their making."""

    def __init__(self) -> None:
        self.now = 0.0
        self.steps = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._made = 0

    def __bool__(self) -> bool:
        return bool(self._heap)

    def at(self, moment: float, call: Callable[..., None], *values: Any) -> None:
        """Have `call(*values)` happen at `moment`, or now where that is past."""
        self._made += 1
        heapq.heappush(self._heap, (max(moment, self.now), self._made, call, values))

    def after(self, seconds: float, call: Callable[..., None], *values: Any) -> None:
        """Have `call(*values)` happen in `seconds`."""
        self.at(self.now + seconds, call, *values)

    def step(self) -> None:
        """Let the next thing happen."""
        self.now, _, call, values = heapq.heappop(self._heap)
        self.steps += 1
        call(*values)
