# SPDX-License-Identifier: LGPL-3.0-or-later
"""The cases that are changes: members, sizes, dry runs, rejections."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from protocol.configuration import Configuration
from tests.bench.floor import Floor
from tests.bench.measure import Row, interleaved
from tests.bench.ours import Ours, content

SMALL, LARGE = 2048, 1_000_000


@contextmanager
def pair(members: int, processes: int, size: int) -> Iterator[tuple[Floor, Ours]]:
    """A floor and a broker with as many members each."""
    payload = Configuration.of(content(size, 0, -1)).encoded
    with (
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as other,
        Floor(members, payload, one) as floor,
        Ours(members, processes, size, other) as ours,
    ):
        yield floor, ours


def rows(scale: float) -> Iterator[Row]:
    """All of them; `scale` times the usual number of rounds."""

    def rounds(usual: int) -> int:
        return max(3, int(usual * scale))

    for members, target, usual in ((1, 2.0, 300), (10, 1.8, 200)):
        with pair(members, members, SMALL) as (floor, ours):
            yield interleaved(f"N = {members}, 2 KB", target, rounds(usual),
                              floor.change, ours.change)  # fmt: skip
    with pair(100, 100, SMALL) as (floor, ours):
        yield interleaved("N = 100, 2 KB", 1.5, rounds(60), floor.change, ours.change)
        yield interleaved("dry run, N = 100", 1.5, rounds(60), floor.question,
                          lambda: ours.change("valid", dry_run=True))  # fmt: skip
        yield interleaved("one of 100 rejects", 1.5, rounds(60), floor.change,
                          lambda: ours.change("refused", refuse=50))  # fmt: skip
    with pair(100, 100, LARGE) as (floor, ours):
        yield interleaved("N = 100, 1 MB", 1.5, rounds(8), floor.change, ours.change)
    with pair(1000, 4, SMALL) as (floor, ours):
        yield interleaved("N = 1000, 2 KB, 4 processes", 2.0, rounds(12),
                          floor.change, ours.change)  # fmt: skip
