# SPDX-License-Identifier: LGPL-3.0-or-later
"""Warnings that somebody else can cause as often as they like, at a pace that a disk can bear."""

from collections.abc import Callable
from typing import Final

from protocol import limits

SECONDS: Final = 1.0
"""Pause between two such lines of one source."""


class Floods:
    """Lets one warning of each source through, and counts what it keeps back until the next."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock`: seconds, and never goes back."""
        self._clock = clock
        self._sources: dict[str, tuple[float, int]] = {}

    def kept_back(self, source: str) -> int | None:
        """How many have been kept back since its last one; None where this one is, too."""
        now = self._clock()
        next_at, count = self._sources.get(source, (now, 0))
        if now < next_at:
            self._sources[source] = (next_at, count + 1)
            return None
        if len(self._sources) > limits.MEMBERS:
            self._sources.clear()
        self._sources[source] = (now + SECONDS, 0)
        return count
