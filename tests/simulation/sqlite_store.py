# SPDX-License-Identifier: LGPL-3.0-or-later
"""The production's own ledger under a simulated broker: real SQLite, on real files, cut at a crash.

A crash is played by looking at the files as they are, keeping all of the log (SQLite's WAL) up to
where it was last forced and some first part of what follows, cut at any byte, and going on with
that in a new directory: what a power cut leaves behind, and what SQLite must make a ledger of.
"""

import os
import random
import shutil
import tempfile
from collections.abc import Callable

from coordinator.core.decisions import Decision, Durable
from coordinator.ledger.errors import NotWritten, Uncertain
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.ledger.sqlite_storage import FILE, SqliteFile
from tests.simulation.ledger import AnyLedger, Mishap

_WAL = FILE + "-wal"


class CutSqliteLedger(SqliteLedger):
    """The real one; it only notes how far its log has been forced, and can be told to fail."""

    def __init__(self, directory: str, store: "SqliteStore") -> None:
        self._directory = directory
        self._store = store
        super().__init__(SqliteFile(directory), store.clock)
        self.forced = _size(directory)

    def force(self, decision: Decision) -> Durable:
        if self._fails():
            self.write(decision)
            raise Uncertain("fsync failed")
        durable = super().force(decision)
        self.forced = _size(self._directory)
        return durable

    def confirm(self, generation: int) -> None:
        if self._fails():
            raise Uncertain("fsync failed")
        super().confirm(generation)
        self.forced = _size(self._directory)

    def write(self, decision: Decision) -> None:
        """Into the log, and no further."""
        super().force(decision)

    def _fails(self) -> bool:
        """Whether the write that comes is to fail; raises where it is to fail for certain."""
        mishap, self._store.mishap = self._store.mishap, None
        if mishap is Mishap.REFUSED:
            raise NotWritten(mishap.value)
        return mishap is Mishap.UNCERTAIN


class SqliteStore:
    """Directories in which one ledger lives, one after another."""

    def __init__(self) -> None:
        self.mishap: Mishap | None = None
        self.clock: Callable[[], float] = float
        self._root = tempfile.mkdtemp(prefix="simulation-")
        self._count = 0
        self._directory = self._new_directory()
        self._open: CutSqliteLedger | None = None

    def _new_directory(self) -> str:
        self._count += 1
        directory = os.path.join(self._root, str(self._count))
        os.mkdir(directory)
        return directory

    def open(self) -> AnyLedger:
        if self._open is not None:  # ended in good order, with nothing left to lose
            self._open.close()
        self._open = CutSqliteLedger(self._directory, self)
        return self._open

    def interrupt(self, ledger: AnyLedger, decision: Decision) -> None:
        assert isinstance(ledger, CutSqliteLedger)
        ledger.write(decision)

    def crash(self, ledger: AnyLedger, chance: random.Random) -> None:
        assert isinstance(ledger, CutSqliteLedger)
        before, after = self._directory, self._new_directory()
        for name in (FILE, _WAL):
            if os.path.exists(os.path.join(before, name)):
                shutil.copyfile(os.path.join(before, name), os.path.join(after, name))
        size = _size(after)
        if size > ledger.forced:
            unforced = size - ledger.forced
            kept = chance.choice((0, unforced, chance.randint(0, unforced)))
            os.truncate(os.path.join(after, _WAL), ledger.forced + kept)
        ledger.close()
        self._open, self._directory = None, after

    def dispose(self) -> None:
        if self._open is not None:
            self._open.close()
        shutil.rmtree(self._root, ignore_errors=True)


def _size(directory: str) -> int:
    """Bytes in the log."""
    try:
        return os.path.getsize(os.path.join(directory, _WAL))
    except FileNotFoundError:
        return 0
