# SPDX-License-Identifier: LGPL-3.0-or-later
"""A search that is broken off is kept in a file, and goes on in a later run.

The file has rows of numbers and no objects: all states, how each was found, and the place to go on
from (what is behind it is the frontier).  What the numbers stand for is known only by how it came
to be.  So the moves that made a new part of the world are kept, too, and are made again in the same
order: then all parts have the same numbers.  They are few, as parts are far fewer than states.

It counts for the code that it was made with, and for no other: another machine has other states.
"""

import gzip
import json
import os
import platform
import re
import sys
import zlib
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.exploration.books import ALL, Broken, Enabled
from tests.exploration.search import Search
from tests.exploration.seen import LOOK, NUMBER, Seen
from tests.exploration.spec import Spec
from tests.simulation.pieces import SOURCES, source_digest

_ROWS = ("parents", "moves", "sources", "targets", "new_places", "new_moves")
_FIGURES = ("states", "transitions", "steps", "depth", "seconds", "exhausted", "ends", "frontier")
_WRONG = (ValueError, KeyError, TypeError, IndexError, OverflowError, EOFError, Broken,
          AssertionError, gzip.BadGzipFile, zlib.error)  # fmt: skip


def code_digest() -> str:
    """Names the code that decides which states there are, and what their numbers look like."""
    return source_digest(
        platform.python_version(), sys.byteorder, sources=(*SOURCES, "tests/exploration")
    )


class Unusable(ValueError):
    """A file that cannot be gone on with; the message names it."""


class Kept:
    """The search of one world in a folder of them."""

    def __init__(self, folder: Path, spec: Spec, code: str, enabled: Enabled = ALL) -> None:
        self.path = folder / (re.sub(r"\W+", "-", spec.name) + ".seen.gz")
        self._spec, self._code, self._enabled = spec, code, enabled

    def keep(self, search: Search) -> None:
        """Write it down; of one that has seen everything only the figures are left to be kept."""
        report, seen, crowds = search.report, search.seen, search.world.tables.crowds
        header = {name: getattr(report, name) for name in _FIGURES} | {
            "code": self._code, "world": self._spec.name, "place": search.place,
            "level_ends": search.level_ends, "parts": search.world.known(),
        }  # fmt: skip
        lists = [crowds[number] for number in range(1, len(crowds) + 1)]
        rows = [
            b"".join(seen), bytes(seen.ends), *(getattr(seen, name).tobytes() for name in _ROWS),
            array(NUMBER, map(len, lists)).tobytes(),
            array(NUMBER, (one for crowd in lists for one in crowd)).tobytes(),
        ]  # fmt: skip
        header["rows"] = [] if report.exhausted else [len(row) for row in rows]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        with gzip.open(part, "wb", compresslevel=1) as file:
            file.write(json.dumps(header).encode() + b"\n")
            for row in rows if header["rows"] else ():
                file.write(row)
        os.replace(part, self.path)

    def take_up(self) -> Search | None:
        """The search as it was; None where there is none, or one of other code.

        Raises Unusable where the file is something else, or what it says does not come true.
        """
        search = Search(self._spec, self._enabled)
        try:
            with gzip.open(self.path, "rb") as file:
                header: dict[str, Any] = json.loads(file.readline())
                if header["code"] != self._code or header["world"] != self._spec.name:
                    return None
                for name in _FIGURES:
                    setattr(search.report, name, header[name])
                if header["rows"]:
                    _fill(search, header, lambda size: _exactly(file.read(size), size))
        except FileNotFoundError:
            return None
        except _WRONG as error:
            raise Unusable(f"{self.path} is no exploration of this code: {error!r}") from error
        return search


def _exactly(found: bytes, size: int) -> bytes:
    if len(found) != size:
        raise ValueError("it ends too early")
    return found


def _fill(search: Search, header: dict[str, Any], read: Callable[[int], bytes]) -> None:
    seen = search.seen
    states, ends, *others = [read(size) for size in header["rows"]]
    rows = [array(NUMBER) for _ in others]
    for row, found in zip(rows, others, strict=True):
        row.frombytes(found)
    parents, moves, seen.sources, seen.targets, seen.new_places, seen.new_moves, *crowds = rows
    seen.fill(states, parents, moves)
    seen.ends = bytearray(ends)
    counts, members = crowds
    place = 0
    for count in counts:
        search.world.tables.crowds.number(tuple(members[place : place + count]))
        place += count
    search.place, search.level_ends = header["place"], header["level_ends"]
    _make_parts_again(search)
    if search.world.known() != header["parts"] or len(search.world.tables.crowds) != len(counts):
        raise ValueError("the same moves make other parts")


def _make_parts_again(search: Search) -> None:
    world, seen = search.world, search.seen
    _known(seen, world.initial())
    place, numbers, moves = LOOK, seen.numbers(0), world.moves(world.draft(seen.numbers(0)))
    for at, move in zip(seen.new_places, seen.new_moves, strict=True):
        if at != place:
            place, numbers = at, seen.numbers(at)
            moves = world.moves(world.draft(numbers))
        if move != LOOK:
            draft = world.draft(numbers)
            moves[move].act(draft)
            _known(seen, world.fold(draft.numbers()))


def _known(seen: Seen, numbers: Any) -> None:
    if seen.place(numbers) is None:
        raise ValueError("the same moves lead to other states")
