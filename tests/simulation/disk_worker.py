# SPDX-License-Identifier: LGPL-3.0-or-later
"""The thread that writes the ledger, as events: jobs in order, each taking its time.

Between the write and the news of it there is time in which everything else goes on, and in which
the broker can die: then the decision is on disk, and nobody has been told.
"""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from coordinator.core.decisions import Decision, Durable
from coordinator.ledger.errors import NotWritten, Uncertain
from tests.simulation.ledger import AnyLedger

if TYPE_CHECKING:
    from tests.simulation.world import World

Job = Callable[[], object]
Then = Callable[[object], None]


class DiskWorker:
    """Works for one life of a broker."""

    def __init__(self, world: "World", ledger: AnyLedger) -> None:
        self.world = world
        self.ledger = ledger
        self.unacknowledged = False
        """Whether a decision is on disk that the machine has not heard of."""
        self._jobs: deque[tuple[Job, Then | None]] = deque()
        self._forcing: Decision | None = None
        self._over = False
        self._chance = world.chance.stream("disk")

    def submit(self, job: Job) -> None:
        """Have something written that may be lost."""
        self.put(job, None)

    def force(self, decision: Decision, then: Callable[[Decision, object], None]) -> None:
        """Have `decision` forced, and `then` told what came of it."""

        def job() -> object:
            result = self.ledger.force(decision)
            self.unacknowledged = isinstance(result, Durable)
            self.world.is_durable(result)
            return result

        self._forcing = decision
        self.put(job, lambda result: then(decision, result))

    def put(self, job: Job, then: Then | None) -> None:
        """Have `job` done, and `then` told its result, or the exception it raised."""
        self._jobs.append((job, then))
        if len(self._jobs) == 1:
            self._begin()

    def _begin(self) -> None:
        seconds = self._chance.random() * self.world.disk_time
        if self._jobs[0][1] is not None:
            seconds += self.world.disk_hang
            self.world.disk_hang = 0.0
        self.world.scheduler.after(seconds, self._work)

    def _work(self) -> None:
        if self._over:
            return
        job, then = self._jobs.popleft()
        result = _result_of(job)
        if then is not None:
            self._forcing = None
            self.world.scheduler.after(self._chance.random() * self.world.disk_time, then, result)
        if self._jobs:
            self._begin()

    def finish(self) -> None:
        """An orderly end: what is in line is written."""
        self._over = True
        for job, _ in self._jobs:
            _result_of(job)
        self._jobs.clear()

    def crash(self) -> None:
        """What is in line is lost; what was being forced may be found later, or not."""
        if not self._over:
            self._over = True
            if self._forcing is not None and self._chance.random() < 0.7:
                self.world.store.interrupt(self.ledger, self._forcing)
            self.world.store.crash(self.ledger, self._chance)


def _result_of(job: Job) -> object:
    try:
        return job()
    except (NotWritten, Uncertain) as error:
        return error
