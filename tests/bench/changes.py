# SPDX-License-Identifier: LGPL-3.0-or-later
"""The cases that are changes: members, sizes, dry runs, rejections."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from protocol.configuration import Configuration
from tests.bench.floor import Floor, PairFloor, ZmqFloor
from tests.bench.measure import Case, Row, interleaved
from tests.bench.ours import LOCAL, Ours, content

SMALL, LARGE = 2048, 1_000_000


@contextmanager
def pair(
    members: int, processes: int, size: int, kind: Callable[[int, bytes, str], Floor]
) -> Iterator[tuple[Floor, Ours]]:
    """A floor and a broker with as many members each."""
    payload = Configuration.of(content(size, 0, -1)).encoded
    with (
        tempfile.TemporaryDirectory() as one,
        tempfile.TemporaryDirectory() as other,
        kind(members, payload, one) as floor,
        Ours(members, processes, size, other) as ours,
    ):
        yield floor, ours


def cases() -> Iterator[Case]:
    """All of them, those together that share what takes long to set up."""
    for members, target, usual in ((1, 2.0, 300), (10, 2.0, 200)):
        case = f"local modules, N = {members}"
        yield Case((case,), partial(_plain, case, target, usual, members, LOCAL, SMALL, PairFloor))
    yield Case(("local modules, N = 100", "local modules, dry run", "local modules, one rejects",
                "local modules, N = 100 by ZeroMQ"), _hundred_local)  # fmt: skip
    case = "local modules, N = 100, 1 MB"
    yield Case((case,), partial(_plain, case, 1.5, 8, 100, LOCAL, LARGE, ZmqFloor))
    for members, target, usual in ((1, 2.0, 300), (10, 1.8, 200)):
        case = f"N = {members}, 2 KB"
        yield Case((case,), partial(_plain, case, target, usual, members, members, SMALL, ZmqFloor))
    yield Case(("N = 100, 2 KB", "dry run, N = 100", "one of 100 rejects"), _hundred_attached)
    case = "N = 100, 1 MB"
    yield Case((case,), partial(_plain, case, 1.5, 8, 100, 100, LARGE, ZmqFloor))
    case = "N = 1000, 2 KB, 4 processes"
    yield Case((case,), partial(_plain, case, 2.0, 12, 1000, 4, SMALL, ZmqFloor))


def _rounds(usual: int, scale: float) -> int:
    return max(3, int(usual * scale))


def _plain(
    case: str, target: float, usual: int, members: int, processes: int, size: int,
    kind: Callable[[int, bytes, str], Floor], scale: float,
) -> Iterator[Row]:  # fmt: skip
    with pair(members, processes, size, kind) as (floor, ours):
        yield interleaved(case, target, _rounds(usual, scale), floor.change, ours.change)


def _hundred_local(scale: float) -> Iterator[Row]:
    rounds = _rounds(60, scale)
    with pair(100, LOCAL, SMALL, PairFloor) as (floor, ours):
        yield interleaved("local modules, N = 100", 1.8, rounds, floor.change, ours.change)
        yield interleaved("local modules, dry run", 1.8, rounds, floor.question,
                          lambda: ours.change("valid", dry_run=True))  # fmt: skip
        yield interleaved("local modules, one rejects", 1.8, rounds, floor.change,
                          lambda: ours.change("refused", refuse=50))  # fmt: skip
    yield from _plain(
        "local modules, N = 100 by ZeroMQ", 1.0, 60, 100, LOCAL, SMALL, ZmqFloor, scale
    )


def _hundred_attached(scale: float) -> Iterator[Row]:
    rounds = _rounds(60, scale)
    with pair(100, 100, SMALL, ZmqFloor) as (floor, ours):
        yield interleaved("N = 100, 2 KB", 1.5, rounds, floor.change, ours.change)
        yield interleaved("dry run, N = 100", 1.5, rounds, floor.question,
                          lambda: ours.change("valid", dry_run=True))  # fmt: skip
        yield interleaved("one of 100 rejects", 1.5, rounds, floor.change,
                          lambda: ours.change("refused", refuse=50))  # fmt: skip
