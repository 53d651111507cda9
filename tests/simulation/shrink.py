"""A failing run made small: actions are taken away as long as it fails in the same way.

Delta debugging (Zeller & Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002):
large parts first, then smaller ones, down to single actions, until none can go.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from tests.simulation.ledger import MemoryStore
from tests.simulation.run import Finding, MakeStore, Run, run
from tests.simulation.schedule import Action

_RUNS = 400
"""Enough for any schedule there is, and an end where runs are slow."""


def shrink(found: Run, make_store: MakeStore = MemoryStore) -> Run:
    """The shortest run that could be found in which the same thing is wrong."""
    assert found.finding is not None
    wanted, best, runs = _kind(found.finding), found, 0

    def still_fails(actions: Sequence[Action]) -> bool:
        nonlocal best, runs
        runs += 1
        again = run(found.seed, actions, make_store)
        fails = again.finding is not None and _kind(again.finding) == wanted
        if fails:
            best = again
        return fails

    size = max(1, len(found.actions) // 2)
    while runs < _RUNS:
        smaller = _remove(best.actions, size, still_fails)
        if size > 1:
            size //= 2
        elif not smaller:
            break
    return best


def _kind(finding: Finding) -> str:
    """What is wrong, without the names and numbers of this time."""
    return re.sub(r"\b[am]?\d[\w.]*(\[\d+\])?", "#", finding.what)[:80]


def _remove(
    actions: Sequence[Action], size: int, fails: Callable[[Sequence[Action]], bool]
) -> bool:
    """Take parts of this size away, from the end to the beginning; whether any could go."""
    smaller = False
    for start in range(len(actions) - size, -1, -1):
        rest = without(actions, start, size)
        if rest is not None and fails(rest):
            actions, smaller = rest, True
    return smaller


def without(actions: Sequence[Action], start: int, size: int) -> Sequence[Action] | None:
    """The list without a part; what follows the part keeps its place in time as well as can be."""
    if start + size > len(actions):
        return None
    rest = list(actions[start + size :])
    if rest:
        skipped = sum(one.steps for one in actions[start : start + size])
        rest[0] = replace(rest[0], steps=rest[0].steps + skipped)
    return [*actions[:start], *rest]
