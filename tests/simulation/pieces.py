# SPDX-License-Identifier: LGPL-3.0-or-later
"""A long run in pieces: a range of seeds each, kept in a file when it is finished.

A million seeds take hours.  So a run may be broken off at any moment, or be shared out by ranges,
and what is finished counts; but only for the code that it was finished with: what another version
of the machines survived says nothing of this one.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulation.campaign import Campaign, Total
from tests.simulation.faults import FAULTS

PIECE = 10_000
"""Seeds; some minutes."""
MOST_VIOLATIONS = 10
"""After so many in one piece the code is known to be wrong, and the rest would say nothing new."""

_ROOT = Path(__file__).parents[2]
SOURCES = ("protocol", "coordinator", "participant", "tests/simulation")


def source_digest(*given: str | None, sources: tuple[str, ...] = SOURCES) -> str:
    """Names the code that the seeds run, and whatever else decides what becomes of them."""
    hashed = hashlib.sha256(repr(given).encode())
    for folder in sources:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            if path.name.startswith("test_"):
                continue
            hashed.update(str(path.relative_to(_ROOT)).encode() + b"\0" + path.read_bytes())
    return hashed.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Piece:
    """The seeds from `first` to before `end`, all of them run."""

    code: str
    first: int
    end: int
    total: Total
    failing: tuple[int, ...] = ()

    def line(self) -> str:
        """One line of JSON."""
        total = self.total
        return json.dumps({
            "code": self.code, "first": self.first, "end": self.end, "seeds": total.seeds,
            "steps": total.steps, "commits": total.commits, "violations": total.violations,
            "failing": self.failing, "broken": total.broken, "deeds": total.deeds,
        })  # fmt: skip

    @classmethod
    def read(cls, line: str) -> "Piece":
        """What `line` wrote.  Raises ValueError, KeyError, TypeError where it is something else."""
        found: dict[str, Any] = json.loads(line)
        failing = tuple(found["failing"])
        total = Total(found["seeds"], found["steps"], found["commits"], found["violations"],
                      min(failing, default=None), Counter(found["broken"]),
                      Counter(found["deeds"]))  # fmt: skip
        return cls(found["code"], found["first"], found["end"], total, failing)


class Pieces:
    """The pieces in a file, and the run that adds to them."""

    def __init__(self, path: str, code: str, campaign: Campaign) -> None:
        """`code` names what is run.  Raises ValueError where the file holds something else."""
        self._path, self._code, self._campaign = path, code, campaign
        self._here: list[Piece] = []
        self._of_others = 0
        for piece in _read(path):
            self._count(piece)

    @property
    def failing(self) -> list[int]:
        """Seeds that broke a promise, in this code."""
        return sorted({seed for piece in self._here for seed in piece.failing})

    def run(self, first: int, seeds: int, size: int = PIECE) -> Generator[Piece, None, None]:
        """Run what is not there yet of these seeds, a piece at a time; each is kept, then told."""
        end = first + seeds
        for start in range(first, end, size):
            position, stop = start, min(start + size, end)
            while (position := self._beyond_finished(position)) < stop:
                piece = self._perform(position, self._next_finished(position, stop))
                self._keep(piece)
                yield piece
                position = piece.end
                if len(piece.failing) >= MOST_VIOLATIONS:
                    return

    def report(self) -> list[str]:
        """The sum of what this code has run, and how often each fault was among it."""
        total = Total()
        for piece in self._here:
            total.add(piece.total)
        faults = ", ".join(f"{verb} {total.deeds[verb]}" for verb in sorted([*FAULTS, "lie"]))
        others = f"{self._of_others} seeds of other code in {self._path} do not count"
        return [f"all pieces: {total}", f"faults: {faults}", *([others] if self._of_others else [])]

    def _count(self, piece: Piece) -> None:
        if piece.code == self._code:
            self._here.append(piece)
        else:
            self._of_others += piece.total.seeds

    def _beyond_finished(self, seed: int) -> int:
        while covering := [piece for piece in self._here if piece.first <= seed < piece.end]:
            seed = max(piece.end for piece in covering)
        return seed

    def _next_finished(self, seed: int, stop: int) -> int:
        return min([stop, *(piece.first for piece in self._here if seed < piece.first)])

    def _perform(self, first: int, end: int) -> Piece:
        """Goes on after a seed that fails: the run is long, and nobody may be there to see it."""
        total, failing = Total(), list[int]()
        while first + total.seeds < end and len(failing) < MOST_VIOLATIONS:
            start = first + total.seeds
            part = self._campaign.run(start, end - start)
            total.add(part)
            if part.failing is not None:
                failing.append(part.failing)
        return Piece(self._code, first, first + total.seeds, total, tuple(failing))

    def _keep(self, piece: Piece) -> None:
        """One write(2) at the end of the file: runs of other ranges may write there, too."""
        self._count(piece)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(descriptor, piece.line().encode() + b"\n")
        finally:
            os.close(descriptor)


def _read(path: str) -> list[Piece]:
    try:
        lines = Path(path).read_text().splitlines()
    except FileNotFoundError:
        return []
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(Piece.read(line))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}:{number} is no piece of a simulation: {error!r}") from error
    return found
