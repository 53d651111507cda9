# SPDX-License-Identifier: LGPL-3.0-or-later
"""The ledger's share of a change: a decision forced to disk, beside the same bytes written bare.

The bytes are counted in what SQLite's log has grown by; the floor writes as many into a file of its
own, in the same directory, over and over in one place (which costs a disk least), with one
`fdatasync` (fdatasync(2)).
"""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from coordinator.core.decisions import Decision
from coordinator.core.requests import Who
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.ledger.sqlite_storage import FILE
from protocol.configuration import Configuration
from tests.bench.measure import Case, Row, interleaved
from tests.bench.ours import content

NAME = "a decision on disk, 2 KB"
_WHO = Who(0, 1, "flux config load")
_COUNTED = 20


def cases() -> Iterator[Case]:
    """The one."""
    yield Case((NAME,), _rows)


def _rows(scale: float) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        decisions = _Decisions(folder)
        for _ in range(_COUNTED):
            decisions.force()
        bare = _Bare(f"{folder}/bare", decisions.bytes_each())
        yield interleaved(NAME, 2.0, max(20, int(300 * scale)), bare.write, decisions.force)
        bare.close()
        decisions.close()


class _Decisions:
    """One after the other, as a broker makes them."""

    def __init__(self, folder: str) -> None:
        self._ledger = SqliteLedger.open(folder)
        self._log = Path(folder) / f"{FILE}-wal"
        self._empty = self._log.stat().st_size
        self._made = 0

    def force(self) -> float:
        """Seconds until the next decision is on disk; the tidying after it does not count."""
        self._made += 1
        number, epoch = self._made, self._ledger.epoch
        decision = Decision(
            number, f"{epoch}.{number}", epoch, Configuration.of(content(2048, number, -1)), None,
            ("a", "b"), "load", _WHO, "",
        )  # fmt: skip
        began = time.perf_counter()
        self._ledger.force(decision)
        elapsed = time.perf_counter() - began
        if self._ledger.wants_maintenance:
            self._ledger.maintain()
        return elapsed

    def bytes_each(self) -> int:
        """What the log has grown by for each so far; to be asked before it is first tidied."""
        return (self._log.stat().st_size - self._empty) // self._made

    def close(self) -> None:
        """Let go of it."""
        self._ledger.close()


class _Bare:
    """So many bytes at the beginning of a file."""

    def __init__(self, path: str, size: int) -> None:
        self._data = b"x" * size
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self) -> float:
        """Seconds until they are on disk."""
        began = time.perf_counter()
        os.pwrite(self._descriptor, self._data, 0)
        os.fdatasync(self._descriptor)
        return time.perf_counter() - began

    def close(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)
