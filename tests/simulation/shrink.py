# SPDX-License-Identifier: LGPL-3.0-or-later
"""A failing run made small: actions are taken away as long as it fails in the same way.

Delta debugging (Zeller & Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002):
large parts first, then smaller ones, down to single actions, until none can go; then participants;
then the waits between what is left.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tests.simulation.ledger import MemoryStore
from tests.simulation.run import Finding, MakeStore, Run, run
from tests.simulation.schedule import Action
from tests.simulation.world import Setting

_RUNS = 600
"""Enough for most schedules, and an end where runs are slow."""


def shrink(found: Run, make_store: MakeStore = MemoryStore) -> Run:
    """The smallest run that could be found in which the same thing is wrong."""
    return _Shrinking(found, make_store).shrink()


class _Shrinking:
    """The smallest so far, and the search for a smaller one."""

    def __init__(self, found: Run, make_store: MakeStore) -> None:
        self.best = found
        self._make_store = make_store
        self._wanted = _kind(found.finding)
        self._runs = 0

    def shrink(self) -> Run:
        """Until nothing can be taken away any more."""
        size = max(1, len(self.best.actions) // 2)
        while self._runs < _RUNS:
            smaller = self._fewer_actions(size)
            if size > 1:
                size //= 2
            elif not (smaller or self._fewer_participants() or self._shorter_waits()):
                break
        return self.best

    def _fails(self, actions: Sequence[Action], setting: Setting) -> bool:
        self._runs += 1
        again = run(self.best.seed, actions, self._make_store, setting)
        if _kind(again.finding) != self._wanted:
            return False
        self.best = again
        return True

    def _fewer_actions(self, size: int) -> bool:
        """Take parts of this size away, from the end to the beginning; whether any could go."""
        smaller = False
        for start in range(len(self.best.actions) - size, -1, -1):
            for rest in without(self.best.actions, start, size):
                if self._fails(rest, self.best.setting):
                    smaller = True
                    break
        return smaller

    def _fewer_participants(self) -> bool:
        smaller = False
        for name in (*self.best.setting.modules, *self.best.setting.attached):
            setting = self.best.setting
            fewer = replace(
                setting,
                modules=tuple(one for one in setting.modules if one != name),
                attached=tuple(one for one in setting.attached if one != name),
            )
            smaller |= self._fails(self.best.actions, fewer)
        return smaller

    def _shorter_waits(self) -> bool:
        smaller = False
        for index, action in enumerate(self.best.actions):
            for shorter in (replace(action, seconds=0.0), replace(action, steps=action.steps // 2)):
                if shorter != self.best.actions[index]:
                    actions = list(self.best.actions)
                    actions[index] = shorter
                    smaller |= self._fails(actions, self.best.setting)
        return smaller


def without(actions: Sequence[Action], start: int, size: int) -> Iterator[Sequence[Action]]:
    """The list without a part; what follows keeps its place in time, or else moves up."""
    if start + size > len(actions):
        return
    before, rest = actions[:start], list(actions[start + size :])
    yield [*before, *rest]
    if rest:
        skipped = sum(one.steps for one in actions[start : start + size])
        yield [*before, replace(rest[0], steps=rest[0].steps + skipped), *rest[1:]]


def _kind(finding: Finding | None) -> str:
    """What is wrong, without the names and numbers of this time."""
    return re.sub(r"\b[am]?\d[\w.]*(\[\d+\])?", "#", finding.what)[:80] if finding else ""
