# SPDX-License-Identifier: LGPL-3.0-or-later
"""Breadth first through all states of a world; and what must be reachable from each of them."""

import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.exploration.books import ALL, Broken, Enabled
from tests.exploration.ends import check_waits, is_right_end, why_not_an_end
from tests.exploration.seen import LOOK, Seen
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
    """Of all runs together."""
    exhausted: bool = False
    ends: int = 0
    frontier: int = 0
    """States whose moves were not made yet."""
    broken: Broken | None = None
    story: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        how = "exhausted" if self.exhausted else f"NOT exhausted, frontier {self.frontier}"
        found = f"  {self.broken}" if self.broken else ""
        return (
            f"{self.name:<28} {self.states:>8} states {self.transitions:>9} transitions "
            f"{self.steps:>6} steps  depth {self.depth:>3}  {self.ends:>6} ends "
            f"{self.seconds:6.1f} s  {how}{found}"
        )


Enough = Callable[[int, float], bool]
"""Whether so many states and seconds are enough."""


class Search:
    """One search through one world; `run` may be called again, and goes on."""

    def __init__(self, spec: Spec, enabled: Enabled = ALL) -> None:
        self.world = World(spec, enabled)
        self.enabled = enabled
        self.report = Report(spec.name)
        self.seen = Seen()
        self.place = 0
        """The first state whose moves were not made yet; all before it are done with."""
        self.level_ends = 1
        """Where the states begin that are one move further away."""

    def run(self, enough: Enough = lambda states, seconds: False) -> Report:
        """Until all is seen, something is wrong, or it is enough (by this run's own seconds)."""
        began, report, seen = time.monotonic(), self.report, self.seen
        before, steps = report.seconds, report.steps - self.world.parts.steps
        try:
            if not seen:
                self._add(self.world.initial(), 0, 0)
        except Broken as broken:
            report.broken = broken
            return report
        while self.place < len(seen):
            if self.place == self.level_ends:
                report.depth += 1
                self.level_ends = len(seen)
            if self.place % 256 == 0 and enough(len(seen), time.monotonic() - began):
                break
            found = self._expand(self.place)
            if found is not None:
                report.broken, move = found
                report.story = self.story(self.place, move)
                break
            self.place += 1
        report.exhausted = self.place == len(seen)
        if report.exhausted and report.broken is None and "liveness" in self.enabled:
            self._check_reachable()
        report.states, report.frontier = len(seen), len(seen) - self.place
        report.steps = steps + self.world.parts.steps
        report.ends = sum(seen.ends)
        report.seconds = before + time.monotonic() - began
        return report

    def _add(self, numbers: Numbers, parent: int, move: int) -> int:
        found = self.seen.place(numbers)
        if found is None:
            found = self.seen.add(numbers, parent, move)
            self.seen.ends.append(is_right_end(self.world, numbers))
        return found

    def _expand(self, place: int) -> tuple[Broken, int | None] | None:
        world, seen = self.world, self.seen
        numbers, parts = seen.numbers(place), world.known()
        moves = world.moves(world.draft(numbers))
        parts = self._note_new_parts(parts, place, LOOK)
        if "patience" in self.enabled:
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
            parts = self._note_new_parts(parts, place, index)
            found = self._add(after, place, index)
            if move.progress:
                seen.sources.append(place)
                seen.targets.append(found)
        return None

    def _note_new_parts(self, before: int, place: int, move: int) -> int:
        parts = self.world.known()
        if parts != before:
            self.seen.new_places.append(place)
            self.seen.new_moves.append(move)
        return parts

    def _check_waits(self, numbers: Numbers, moves: list[Move]) -> None:
        if not any(move.words == TIME_PASSES for move in moves):
            return
        draft = self.world.draft(numbers)
        assert draft.life is not None
        check_waits(draft, self.world.parts.facts(draft.life.machine).members)

    # Reachability

    def _check_reachable(self) -> None:
        """A right end can be reached from every state, without anybody's help."""
        seen, count = self.seen, len(self.seen)
        starts = array("L", bytes(8 * (count + 2)))
        for to in seen.targets:
            starts[to + 2] += 1
        for place in range(2, count + 2):
            starts[place] += starts[place - 1]
        into = array("L", bytes(8 * len(seen.targets)))
        for before, to in zip(seen.sources, seen.targets, strict=True):
            into[starts[to + 1]] = before
            starts[to + 1] += 1
        good = bytearray(seen.ends)
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
            numbers = self.seen.numbers(place)
            follow = [
                self._known_place(world.fold(self._after(numbers, index)))
                for index, move in enumerate(world.moves(world.draft(numbers)))
                if move.progress
            ]
            following = next((one for one in follow if one not in seen), None)
            if following is None:
                why = why_not_an_end(world, numbers)
                return f"{why}, for ever" if not follow else f"{why}, over and over"
            place = following
            seen.add(place)

    def _known_place(self, numbers: Numbers) -> int:
        found = self.seen.place(numbers)
        assert found is not None, "all that follows was seen"
        return found

    def _after(self, numbers: Numbers, index: int) -> Numbers:
        draft = self.world.draft(numbers)
        self.world.moves(draft)[index].act(draft)
        return draft.numbers()

    # Stories

    def story(self, place: int, last: int | None) -> list[str]:
        """The shortest way to a state, and one move more, as blocks of a story."""
        path: list[tuple[int, int]] = [] if last is None else [(place, last)]
        while place:
            path.append((self.seen.parents[place], self.seen.moves[place]))
            place = self.seen.parents[place]
        told = []
        for before, index in reversed(path):
            draft = self.world.draft(self.seen.numbers(before))
            move = self.world.moves(draft)[index]
            try:
                move.act(draft)
            except Broken as broken:
                draft.tell(f"BROKEN {broken}")
            told.append("\n".join([move.words, "----", *(draft.story or ["(nothing)"])]))
        return told
