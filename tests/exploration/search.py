# SPDX-License-Identifier: LGPL-3.0-or-later
"""Breadth first through all states of a world; and what must be reachable from each of them."""

import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.exploration.books import ALL, Broken, Enabled
from tests.exploration.ends import check_waits, is_right_end, why_not_an_end
from tests.exploration.spec import Spec
from tests.exploration.state import Numbers
from tests.exploration.world import TIME_PASSES, Move, World


@dataclass
class Report:
    """What a search has found."""

    name: str
    states: int = 0
    transitions: int = 0
    steps: int = 0
    """Steps of machines that were worked out."""
    depth: int = 0
    seconds: float = 0.0
    exhausted: bool = False
    ends: int = 0
    broken: Broken | None = None
    story: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        how = "exhausted" if self.exhausted else "NOT exhausted"
        found = f"  {self.broken}" if self.broken else ""
        return (
            f"{self.name:<28} {self.states:>8} states {self.transitions:>9} transitions "
            f"{self.steps:>6} steps  depth {self.depth:>3}  {self.ends:>6} ends "
            f"{self.seconds:6.1f} s  {how}{found}"
        )


Enough = Callable[[int, float], bool]
"""Whether so many states and seconds are enough."""


class Search:
    """One search through one world."""

    def __init__(self, spec: Spec, enabled: Enabled = ALL) -> None:
        self.world = World(spec, enabled)
        self.enabled = enabled
        self.report = Report(spec.name)
        self._number: dict[bytes, int] = {}
        self._states: list[bytes] = []
        self._parents = array("L")
        self._moves = array("L")
        self._ends = bytearray()
        self._from = array("L")
        self._to = array("L")

    def run(self, enough: Enough = lambda states, seconds: False) -> Report:
        """Until all is seen, something is wrong, or it is enough."""
        began, report = time.monotonic(), self.report
        try:
            self._add(self.world.initial(), 0, 0)
        except Broken as broken:
            report.broken = broken
            return report
        level_ends, place = 1, 0
        while place < len(self._states):
            if place == level_ends:
                report.depth += 1
                level_ends = len(self._states)
            if place % 256 == 0 and enough(len(self._states), time.monotonic() - began):
                break
            found = self._expand(place)
            if found is not None:
                report.broken, move = found
                report.story = self.story(place, move)
                break
            place += 1
        report.exhausted = place == len(self._states)
        if report.exhausted and report.broken is None and "liveness" in self.enabled:
            self._check_reachable()
        report.states = len(self._states)
        report.steps = self.world.parts.steps
        report.ends = sum(self._ends)
        report.seconds = time.monotonic() - began
        return report

    def _add(self, numbers: Numbers, parent: int, move: int) -> int:
        key = array("L", numbers).tobytes()
        found = self._number.get(key)
        if found is None:
            found = self._number[key] = len(self._states)
            self._states.append(key)
            self._parents.append(parent)
            self._moves.append(move)
            self._ends.append(is_right_end(self.world, numbers))
        return found

    def _numbers(self, place: int) -> Numbers:
        return tuple(array("L", self._states[place]))

    def _expand(self, place: int) -> tuple[Broken, int | None] | None:
        world, numbers = self.world, self._numbers(place)
        moves = world.moves(world.draft(numbers))
        if "liveness" in self.enabled:
            try:
                self._check_waits(numbers, moves)
            except Broken as broken:
                return broken, None
        for index, move in enumerate(moves):
            self.report.transitions += 1
            draft = world.draft(numbers)
            try:
                move.act(draft)
                after = world.fold(draft.numbers())
            except Broken as broken:
                return broken, index
            found = self._add(after, place, index)
            if move.progress:
                self._from.append(place)
                self._to.append(found)
        return None

    def _check_waits(self, numbers: Numbers, moves: list[Move]) -> None:
        if not any(move.words == TIME_PASSES for move in moves):
            return
        draft = self.world.draft(numbers)
        assert draft.life is not None
        check_waits(draft, self.world.parts.facts(draft.life.machine).members)

    # Reachability

    def _check_reachable(self) -> None:
        """A right end can be reached from every state, without anybody's help."""
        count = len(self._states)
        starts = array("L", bytes(8 * (count + 2)))
        for to in self._to:
            starts[to + 2] += 1
        for place in range(2, count + 2):
            starts[place] += starts[place - 1]
        into = array("L", bytes(8 * len(self._to)))
        for before, to in zip(self._from, self._to, strict=True):
            into[starts[to + 1]] = before
            starts[to + 1] += 1
        good = bytearray(self._ends)
        waiting = [place for place in range(count) if good[place]]
        while waiting:
            place = waiting.pop()
            for before in into[starts[place] : starts[place + 1]]:
                if not good[before]:
                    good[before] = 1
                    waiting.append(before)
        place = good.find(0)
        if place >= 0:
            self.report.broken = Broken("liveness", self._why_lost(place))
            self.report.story = self.story(place, None)

    def _why_lost(self, place: int) -> str:
        """What is never right from here on: what keeps the furthest state from being an end."""
        world, seen = self.world, {place}
        while True:
            numbers = self._numbers(place)
            follow = [
                self._number[array("L", world.fold(self._after(numbers, index))).tobytes()]
                for index, move in enumerate(world.moves(world.draft(numbers)))
                if move.progress
            ]
            following = next((one for one in follow if one not in seen), None)
            if following is None:
                why = why_not_an_end(world, numbers)
                return f"{why}, for ever" if not follow else f"{why}, over and over"
            place = following
            seen.add(place)

    def _after(self, numbers: Numbers, index: int) -> Numbers:
        draft = self.world.draft(numbers)
        self.world.moves(draft)[index].act(draft)
        return draft.numbers()

    # Stories

    def story(self, place: int, last: int | None) -> list[str]:
        """The shortest way to a state, and one move more, as blocks of a story."""
        path: list[tuple[int, int]] = [] if last is None else [(place, last)]
        while place:
            path.append((self._parents[place], self._moves[place]))
            place = self._parents[place]
        told = []
        for before, index in reversed(path):
            draft = self.world.draft(self._numbers(before))
            move = self.world.moves(draft)[index]
            try:
                move.act(draft)
            except Broken as broken:
                draft.tell(f"BROKEN {broken}")
            told.append("\n".join([move.words, "----", *(draft.story or ["(nothing)"])]))
        return told
