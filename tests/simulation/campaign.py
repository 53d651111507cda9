"""Many seeds, spread over processes.  Each seed is a world of its own, so they do not disturb."""

import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tests.simulation.planted import planted
from tests.simulation.run import MakeStore, run

_BATCH = 50


@dataclass(slots=True)
class Total:
    """What came of some seeds."""

    seeds: int = 0
    steps: int = 0
    commits: int = 0
    violations: int = 0
    failing: int | None = None
    """The first seed that broke a promise."""
    broken: dict[str, int] = field(default_factory=dict)

    def add(self, other: "Total") -> None:
        """Both together."""
        self.seeds += other.seeds
        self.steps += other.steps
        self.commits += other.commits
        self.violations += other.violations
        for promise, count in other.broken.items():
            self.broken[promise] = self.broken.get(promise, 0) + count
        if self.failing is None:
            self.failing = other.failing

    def __str__(self) -> str:
        which = "".join(f" {name}×{count}" for name, count in sorted(self.broken.items()))
        return (
            f"{self.seeds} seeds, {self.steps} steps, {self.commits} commits, "
            f"violations={self.violations}{which}"
        )


Batch = tuple[int, int, MakeStore, str | None, bool]


def batch(given: Batch) -> Total:
    """The seeds from the first to before the last; to the first failing one, if so wanted."""
    first, last, store, plant, whole = given
    total = Total()
    with planted(plant):
        for seed in range(first, last):
            result = run(seed, make_store=store)
            total.seeds += 1
            total.steps += result.steps
            total.commits += result.commits
            if result.finding is not None:
                total.violations += 1
                total.broken[result.finding.promise] = 1
                total.failing = seed
                if not whole:
                    break
    return total


@dataclass(frozen=True, slots=True)
class Campaign:
    """How many seeds are to be run."""

    store: MakeStore
    planted: str | None = None
    jobs: int = 1

    def run(
        self, first: int, seeds: int, progress: Callable[[Total], None] = lambda _: None
    ) -> Total:
        """Run them, up to the first that fails."""
        total = Total()
        batches = self._batches(first, seeds)
        if self.jobs == 1:
            for one in map(batch, batches):
                total.add(one)
                progress(total)
                if total.failing is not None:
                    break
            return total
        with multiprocessing.get_context("spawn").Pool(self.jobs) as pool:
            for one in pool.imap(batch, batches):
                total.add(one)
                progress(total)
                if total.failing is not None:
                    break
        return total

    def _batches(self, first: int, seeds: int) -> Iterator[Batch]:
        for start in range(first, first + seeds, _BATCH):
            end = min(start + _BATCH, first + seeds)
            yield (start, end, self.store, self.planted, False)
