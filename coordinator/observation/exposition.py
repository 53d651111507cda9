# SPDX-License-Identifier: LGPL-3.0-or-later
"""The numbers as Prometheus reads them, by its own library (the extra `metrics`).

A snapshot is taken in the broker's loop; the text is made of it beside the loop.
"""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from coordinator.core.machine import Coordinator
from coordinator.observation.metrics import BUCKETS, Durations, Metrics

CONTENT_TYPE = CONTENT_TYPE_LATEST
_PREFIX = "flux_accord_"


class Snapshot(NamedTuple):
    """All that is told, at one moment."""

    epoch: int
    generation: int
    age: float
    """Seconds since the commit of what is in force."""
    differ: bool | None
    """Whether the files on disk differ from it; None where nobody knows."""
    unconfirmed: float
    """Seconds until it is undone; 0 where it is not to be confirmed."""
    members: dict[str, int]
    """How many are in each state."""
    behind: int
    """Members that do not run what is in force."""
    commits: Counter[str]
    refusals: Counter[str]
    restarts: Counter[str]
    not_applied: Counter[str]
    prepare: dict[str, tuple[list[int], float]]
    commit: dict[str, tuple[list[int], float]]


def take_snapshot(
    machine: Coordinator, metrics: Metrics, differ: bool | None, now_monotonic: float
) -> Snapshot:
    """What is so now; to be called in the broker's loop."""
    running, pending = machine.running, machine.unconfirmed
    return Snapshot(
        machine.epoch,
        machine.generation,
        max(0.0, time.time() - running.committed_at_wall) if running else 0.0,
        differ,
        max(0.0, pending.due_monotonic - now_monotonic) if pending else 0.0,
        dict(Counter(str(member.state) for member in machine.members)),
        len(machine.members.not_on(machine.generation)),
        metrics.commits.copy(),
        metrics.refusals.copy(),
        metrics.restarts.copy(),
        metrics.not_applied.copy(),
        _copied(metrics.prepare),
        _copied(metrics.commit),
    )


def _copied(durations: dict[str, Durations]) -> dict[str, tuple[list[int], float]]:
    return {name: (list(its.counts), its.seconds) for name, its in durations.items()}


def rendered(snapshot: Snapshot) -> bytes:
    """The text, in Prometheus's format; for use beside the loop."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(snapshot))
    return generate_latest(registry)


class _Collector(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        of = self._snapshot
        yield _gauge("epoch", "number of the broker's life", of.epoch)
        yield _gauge("generation", "generation in force; 0 for none", of.generation)
        yield _gauge("generation_age_seconds", "time since it was committed", of.age)
        if of.differ is not None:
            yield _gauge("files_differ", "1 if the files differ from what runs", of.differ)
        yield _gauge("unconfirmed_seconds", "time until what is unconfirmed is undone; 0 for never",
                     of.unconfirmed)  # fmt: skip
        yield _gauge("members_behind", "members that do not run what is in force", of.behind)
        states = GaugeMetricFamily(f"{_PREFIX}members", "members by state", labels=["state"])
        for state, count in sorted(of.members.items()):
            states.add_metric([state], count)
        yield states
        yield _counter("commits", "generations committed", "verb", of.commits)
        yield _counter("refused", "changes refused, by a reason's code", "code", of.refusals)
        yield _counter("restarts", "processes started again after a death", "module", of.restarts)
        yield _counter("not_applied", "generations not applied in time", "module", of.not_applied)
        yield _histogram("prepare_seconds", "from Prepare to the vote", of.prepare)
        yield _histogram("commit_seconds", "from Commit to its application", of.commit)


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}{name}", what, value=float(value))


def _counter(name: str, what: str, label: str, counts: Counter[str]) -> Metric:
    family = CounterMetricFamily(f"{_PREFIX}{name}", what, labels=[label])
    for key, count in sorted(counts.items()):
        family.add_metric([key], count)
    return family


def _histogram(name: str, what: str, by_module: dict[str, tuple[list[int], float]]) -> Metric:
    family = HistogramMetricFamily(f"{_PREFIX}{name}", what, labels=["module"])
    bounds = [*map(str, BUCKETS), "+Inf"]
    for module, (counts, seconds) in sorted(by_module.items()):
        buckets = list(zip(bounds, map(float, accumulate(counts)), strict=True))
        family.add_metric([module], buckets, seconds)
    return family
