# SPDX-License-Identifier: LGPL-3.0-or-later
"""Slow work (the ledger's disk, the files) beside the loop, so that readers never wait.

Work is done in order, one piece at a time; results come back through a queue and an eventfd(2) that
the loop watches.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

from coordinator.runtime.loop import READ, Loop

Job = Callable[[], object]
Then = Callable[[object], None]
"""What follows in the loop; it is given the result, or the exception, and tells them apart."""


def result_of(job: Job) -> object:
    """What `job()` returns, or the exception it raises, for somebody who knows what that means."""
    try:
        return job()
    except BaseException as error:
        return error


class Worker(Protocol):
    """Does one kind of slow work, in order."""

    def submit(self, job: Job, then: Then) -> None:
        """Have `job()` done beside the loop; in the loop, `then(result or exception)` follows."""

    def finish(self, seconds: float) -> None:
        """Do what is in line, for at most `seconds`, and stop; nobody is told the results."""


@dataclass(frozen=True, slots=True)
class Workers:
    """One for each thing that may be slow by itself, so that none waits for another."""

    ledger: Worker
    """Writes to the ledger; nobody else does."""
    files: Worker
    """Reads and merges configuration files."""
    places: Worker
    """Finds where keys were written."""
    history: Worker
    """Reads the ledger's past, for clients and for a rollback."""


class ThreadWorker:
    """A thread."""

    def __init__(self, name: str, loop: Loop) -> None:
        self._wakeup = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._jobs: SimpleQueue[tuple[Job, Then] | None] = SimpleQueue()
        self._done: deque[tuple[Then, object]] = deque()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        loop.register(self._wakeup, READ, self._collect)
        self._thread.start()

    def submit(self, job: Job, then: Then) -> None:
        self._jobs.put((job, then))

    def finish(self, seconds: float) -> None:
        self._jobs.put(None)
        self._thread.join(seconds)

    def _collect(self, _events: int) -> None:
        try:
            os.eventfd_read(self._wakeup)
        except BlockingIOError:
            return
        while self._done:
            then, result = self._done.popleft()
            then(result)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, then = item
            self._done.append((then, result_of(job)))
            os.eventfd_write(self._wakeup, 1)


def thread_workers(loop: Loop) -> Workers:
    """Threads for all four."""
    names = ("ledger", "files", "places", "history")
    return Workers(*(ThreadWorker(name, loop) for name in names))
