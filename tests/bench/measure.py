# SPDX-License-Identifier: LGPL-3.0-or-later
"""Numbers: pairs of timings taken in turn, and what is said of them."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class Case(NamedTuple):
    """One or several cases that are measured together."""

    names: tuple[str, ...]
    rows: Callable[[float], Iterator["Row"]]
    """Measures them, with so many times the usual rounds."""


@dataclass(frozen=True)
class Row:
    """One case: the floor, ours, and their ratio; times in milliseconds."""

    case: str
    rounds: int
    floor: float
    floor_p99: float
    ours: float
    ours_p99: float
    target: float

    @property
    def ratio(self) -> float:
        """Ours by the floor, of the medians."""
        return self.ours / self.floor

    def as_json(self) -> dict[str, Any]:
        """For the file."""
        return {**asdict(self), "ratio": self.ratio, "met": self.ratio <= self.target}


def interleaved(
    case: str, target: float, rounds: int, floor: Callable[[], float], ours: Callable[[], float]
) -> Row:
    """Time both in turn, `rounds` times after a fifth as many that do not count."""
    pairs = [(floor(), ours()) for _ in range(rounds + max(1, rounds // 5))][-rounds:]
    floors, ourses = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return Row(case, rounds, median(floors), p99(floors), median(ourses), p99(ourses), target)


def median(seconds: list[float]) -> float:
    """In milliseconds."""
    return statistics.median(seconds) * 1e3


def p99(seconds: list[float]) -> float:
    """In milliseconds; the largest where there are few."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * 0.99))] * 1e3
