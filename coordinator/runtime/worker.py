# SPDX-License-Identifier: LGPL-3.0-or-later
"""A thread for one kind of slow work (the ledger, the files), so that readers never wait.

Work is done in order, one piece at a time; results come back through a queue and an eventfd(2) that
the broker's loop watches.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

Job = Callable[[], Any]


def result_of(job: Job) -> Any:
    """What `job()` returns, or the exception it raises, for somebody who knows what that means."""
    try:
        return job()
    except BaseException as error:
        return error


class Worker:
    """Runs jobs in the background and hands their results back where `fd` is watched."""

    def __init__(self, name: str) -> None:
        self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._jobs: SimpleQueue[tuple[Job, Callable[[Any], None]] | None] = SimpleQueue()
        self._done: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job, then: Callable[[Any], None]) -> None:
        """Have `job()` done; `collect` will call `then` with its result, or its exception."""
        self._jobs.put((job, then))

    def collect(self) -> None:
        """Call what waits for results; to be called when `fd` is readable."""
        try:
            os.eventfd_read(self.fd)
        except BlockingIOError:
            return
        while self._done:
            then, result = self._done.popleft()
            then(result)

    def finish(self, seconds: float) -> None:
        """Do what is in line, for at most `seconds`, and stop."""
        self._jobs.put(None)
        self._thread.join(seconds)

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, then = item
            self._done.append((then, result_of(job)))
            os.eventfd_write(self.fd, 1)
