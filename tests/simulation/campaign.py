# SPDX-License-Identifier: LGPL-3.0-or-later
"""Many seeds, spread over processes.  Each seed is a world of its own, so they do not disturb."""

import itertools
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tests.simulation.mutants.all import mutated
from tests.simulation.run import MakeStore, run
from tests.support.garbage import collect_seldom

_BATCH, _PART = 50, 200


@dataclass(slots=True)
class Total:
    """What came of some seeds."""

    seeds: int = 0
    steps: int = 0
    commits: int = 0
    violations: int = 0
    failing: int | None = None
    """The first seed that broke a promise."""
    broken: Counter[str] = field(default_factory=Counter)
    """Violations by promise."""
    deeds: Counter[str] = field(default_factory=Counter)
    """What was done to the worlds, by verb: requests and faults (tests/simulation/schedule.py)."""

    def add(self, other: "Total") -> None:
        """Both together."""
        self.seeds += other.seeds
        self.steps += other.steps
        self.commits += other.commits
        self.violations += other.violations
        self.broken += other.broken
        self.deeds += other.deeds
        if self.failing is None:
            self.failing = other.failing

    def __str__(self) -> str:
        which = "".join(f" {name}×{count}" for name, count in sorted(self.broken.items()))
        return (
            f"{self.seeds} seeds, {self.steps} steps, {self.commits} commits, "
            f"violations={self.violations}{which}"
        )


Batch = tuple[int, int, MakeStore, str | None]


def batch(given: Batch) -> Total:
    """The seeds from the first to before the last, or to the first that fails."""
    first, last, store, plant = given
    total = Total()
    with mutated(plant):
        for seed in range(first, last):
            result = run(seed, make_store=store)
            total.seeds += 1
            total.steps += result.steps
            total.commits += result.commits
            total.deeds.update(action.verb for action in result.actions)
            if result.finding is not None:
                total.violations += 1
                total.broken[result.finding.promise] = 1
                total.failing = seed
                break
    return total


@dataclass(frozen=True, slots=True)
class Campaign:
    """How many seeds are to be run."""

    store: MakeStore
    mutated: str | None = None
    jobs: int = 1

    def run(
        self, first: int, seeds: int, enough: Callable[[Total], bool] = lambda _: False
    ) -> Total:
        """Run them, up to the first that fails, or to where it is `enough`."""
        if self.jobs == 1:
            return _sum(map(batch, self._batches(first, seeds)), enough)
        with multiprocessing.get_context("spawn").Pool(self.jobs, collect_seldom) as pool:
            results = (one for part in self._parts(first, seeds) for one in pool.imap(batch, part))
            return _sum(results, enough)

    def _parts(self, first: int, seeds: int) -> Iterator[list[Batch]]:
        """Batches in handfuls: a pool takes all that it is given before it does the first."""
        batches = self._batches(first, seeds)
        while part := list(itertools.islice(batches, _PART)):
            yield part

    def _batches(self, first: int, seeds: int) -> Iterator[Batch]:
        for start in range(first, first + seeds, _BATCH):
            end = min(start + _BATCH, first + seeds)
            yield (start, end, self.store, self.mutated)


def _sum(results: Iterable[Total], enough: Callable[[Total], bool]) -> Total:
    total = Total()
    for one in results:
        total.add(one)
        if total.failing is not None or enough(total):
            break
    return total
