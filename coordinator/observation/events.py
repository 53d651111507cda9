# SPDX-License-Identifier: LGPL-3.0-or-later
"""What has happened, in order, for whoever watches: each with a number, the latest kept.

A number counts within one life of a broker; with the life's epoch it is a *cursor*, from which a
watcher goes on where it was.
"""

from collections import deque
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from protocol import limits


class EventKind(StrEnum):
    """What can happen."""

    COMMITTED = "committed"
    UNDONE = "undone"
    """What nobody confirmed, or a member could not apply, was taken back; a generation, too."""
    REFUSED = "refused"
    NOT_APPLIED = "not-applied"
    """Members had not applied a generation when its change ended."""
    JOINED = "joined"
    """A member runs what is in force for the first time."""
    LOST = "lost"
    """A member ran what is in force, and does not now."""
    BACK = "back"
    """A member that was lost runs what is in force again."""
    FAILED = "failed"
    """A module was given up."""
    LEFT = "left"
    """A member was removed."""


class Occurrence(NamedTuple):
    """One thing that has happened."""

    number: int
    """From 1, within this life of the broker."""
    at_wall: float
    """Seconds since the Epoch."""
    kind: EventKind
    generation: int
    """The one in force afterwards."""
    details: Mapping[str, Any]
    """What belongs to it, as JSON has it."""


class EventLog:
    """The latest of them."""

    def __init__(self) -> None:
        self._kept: deque[Occurrence] = deque(maxlen=limits.EVENTS)
        self.last = 0
        """Number of the last one."""
        self.told: list[Callable[[], None]] = []
        """Called when there is another one."""

    @property
    def first_kept(self) -> int:
        """Number of the oldest that is kept, or of the next one where there is none."""
        return self._kept[0].number if self._kept else self.last + 1

    def add(
        self, at_wall: float, kind: EventKind, generation: int, details: Mapping[str, Any]
    ) -> None:
        """It has happened."""
        self.last += 1
        self._kept.append(Occurrence(self.last, at_wall, kind, generation, details))
        for tell in self.told:
            tell()

    def after(self, number: int) -> list[Occurrence]:
        """Those that came after `number` and are kept."""
        missed = self.last - number
        if missed <= 0:
            return []
        return list(self._kept)[-missed:]
