# SPDX-License-Identifier: LGPL-3.0-or-later
"""The threads beside the loop, as events: jobs in order, each taking its time.

Between the end of a job and the news of it there is time in which everything else goes on, and in
which the broker can die: then a decision is on disk, and nobody has been told.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from coordinator.ledger.errors import NotWritten, Uncertain
from coordinator.runtime.worker import Job
from tests.simulation.ledger import Mishap

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker

Then = Callable[[Any], None]


class SimulatedWorker:
    """Works for one life of a broker; `seconds` is how long the next job takes."""

    def __init__(self, broker: "SimulatedBroker", seconds: Callable[[], float]) -> None:
        self._broker = broker
        self._seconds = seconds
        self._jobs: deque[tuple[Job, Then]] = deque()
        self._over = False

    def submit(self, job: Job, then: Then) -> None:
        self._jobs.append((job, then))
        if len(self._jobs) == 1:
            self._begin()

    def _begin(self) -> None:
        self._broker.world.scheduler.after(self._seconds(), self._work)

    def _work(self) -> None:
        if self._over:
            return
        job, then = self._jobs.popleft()
        broker = self._broker
        broker.world.scheduler.after(broker.news_time(), broker.take, then, _result_of(job))
        if self._jobs:
            self._begin()

    def finish(self, seconds: float) -> None:
        self._over = True
        for job, _ in self._jobs:
            _result_of(job)
        self._jobs.clear()

    def crash(self, interrupted: bool) -> None:
        """What is in line is lost; the job in hand, where `interrupted`, gets into the cache."""
        if not self._over and self._jobs and interrupted:
            store = self._broker.world.store
            store.mishap = Mishap.UNCERTAIN
            with suppress(NotWritten, Uncertain):
                self._jobs[0][0]()
            store.mishap = None
        self._over = True


def _result_of(job: Job) -> Any:
    """As `coordinator.runtime.worker.result_of`, but for what the checkers raise."""
    try:
        return job()
    except AssertionError:
        raise
    except Exception as error:
        return error
