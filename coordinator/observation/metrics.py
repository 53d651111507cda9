# SPDX-License-Identifier: LGPL-3.0-or-later
"""Numbers of one life of a broker, counted as things happen, and not when they are read."""

from bisect import bisect_left
from collections import Counter
from typing import Final

from protocol import limits

BUCKETS: Final = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0)
"""Upper bounds of the buckets of a duration, in seconds; one more is for all that is longer."""
OTHERS: Final = "(others)"
"""The name under which modules beyond METRIC_MODULES are counted."""


class Durations:
    """How often something took how long."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """It took this long once more."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


class Metrics:
    """All that is counted."""

    def __init__(self) -> None:
        self.commits: Counter[str] = Counter()
        """By verb."""
        self.refusals: Counter[str] = Counter()
        """Refused changes by the code of a reason; one with several codes counts for each."""
        self.restarts: Counter[str] = Counter()
        """Of processes of ours, by module."""
        self.not_applied: Counter[str] = Counter()
        """Generations that a member had not applied in time, by member."""
        self.prepare: dict[str, Durations] = {}
        """From Prepare to the vote, by member."""
        self.commit: dict[str, Durations] = {}
        """From Commit to its Applied, by member."""

    def module(self, name: str) -> str:
        """The name under which this module is counted: there are only so many."""
        known = name in self.prepare or name in self.restarts or name in self.not_applied
        return name if known or len(self.prepare) < limits.METRIC_MODULES else OTHERS

    def took(self, kind: dict[str, Durations], name: str, seconds: float) -> None:
        """Add a duration to `prepare` or `commit`."""
        known = kind.get(name)
        if known is None:
            known = kind.setdefault(self.module(name), Durations())
        known.add(max(0.0, seconds))
