# SPDX-License-Identifier: LGPL-3.0-or-later
"""Has the moments of changes written beside the history, in nobody's way.

They are collected and written together, without fsync, a while after the first of them: a change
that follows at once does not find the ledger busy with the picture of the one before.  What was not
written when a broker dies is lost, and only the picture is.
"""

from collections import deque

from coordinator.ledger.interface import Ledger
from coordinator.observation.timelines import ChangeMoments
from coordinator.runtime.log import Logger
from coordinator.runtime.loop import Timers
from coordinator.runtime.worker import Worker
from protocol import limits


class TimelineKeeper:
    """What waits to be written."""

    def __init__(self, ledger: Ledger, worker: Worker, timers: Timers, log: Logger) -> None:
        """`worker` is the only one that writes to `ledger`."""
        self._ledger = ledger
        self._worker = worker
        self._timers = timers
        self._log = log
        self._waiting: deque[ChangeMoments] = deque(maxlen=limits.TIMELINES)
        self._is_due = False

    def keep(self, timeline: ChangeMoments) -> None:
        """Have it written soon."""
        self._waiting.append(timeline)
        if not self._is_due:
            self._is_due = True
            self._timers.call_at(self._timers.now() + limits.TIMELINE_WRITE_SECONDS, self.write)

    def write(self) -> None:
        """Have all of it written now."""
        self._is_due = False
        if not self._waiting:
            return
        batch = tuple(self._waiting)
        self._waiting.clear()
        self._worker.submit(
            lambda: self._ledger.record_timelines([change.as_json() for change in batch]),
            self._written,
        )

    def _written(self, result: object) -> None:
        if isinstance(result, BaseException):
            self._log.warn("timeline not written", why=str(result))
