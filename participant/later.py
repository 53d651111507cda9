# SPDX-License-Identifier: LGPL-3.0-or-later
"""A verdict that comes later: what `prepare` returns where it is not done looking.

A module's thread also hears its coordinator.  Where a verdict takes its time outside of this
process (a command that runs), the thread must not wait for it: an Abort could not reach it.  So
`prepare` may return one of these.  It is looked at whenever its descriptor is readable and when it
is due; when it is done it has the result that `prepare` would have had.
"""

import select
import time
from abc import ABC, abstractmethod


class Later(ABC):
    """Something under way; for use in the thread that it was made in."""

    @property
    @abstractmethod
    def descriptor(self) -> int:
        """A file descriptor that is readable when there is something to `look` at; it stays."""

    @property
    @abstractmethod
    def due_monotonic(self) -> float:
        """When to `look` at the latest, in seconds of time.monotonic()."""

    @abstractmethod
    def look(self) -> bool:
        """Take in what has happened, without waiting; returns True if it is done."""

    @abstractmethod
    def cancel(self) -> None:
        """Nobody wants the result any more: come to an end soon.  May be called when done."""

    @abstractmethod
    def result(self) -> object:
        """What `prepare` would have returned; raises Reject or Rejects.  Once, when it is done."""

    def wait(self) -> None:
        """Wait until it is done, for whoever has nothing else to do."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        while not self.look():
            poll.poll(max(0.0, self.due_monotonic - time.monotonic()) * 1000 + 1)
