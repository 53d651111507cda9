# SPDX-License-Identifier: LGPL-3.0-or-later
"""The ledger under a simulated broker on real files, cut at a crash.

A crash is played by looking at the files as they are, keeping all of the log (SQLite's WAL) up to
where it was last forced and some first part of what follows, cut at any byte, and going on with
that in a new directory: what a power cut leaves behind, and what SQLite must make a ledger of.
"""

import os
import random
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

from coordinator.ledger.sqlite_storage import FILE, REACHED, SqliteFile, SqliteTransaction
from tests.simulation.ledger import Mishap, WatchedLedger

_WAL = FILE + "-wal"


class _CutFile(SqliteFile):
    """The real one; it only notes how far its log has been forced, and can be told to fail."""

    def __init__(self, directory: str, store: "SqliteStore") -> None:
        self.directory = directory
        self.store = store
        self.forced = 0
        super().__init__(directory)

    def transaction(self, forced: bool) -> SqliteTransaction:
        right = super().transaction(forced)
        return _CutTransaction(right, self) if forced else right


class _CutTransaction(SqliteTransaction):
    def __init__(self, right: SqliteTransaction, file: _CutFile) -> None:
        super().__init__(right._connection, right._check)
        self._file = file

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        mishap = self._file.store.take_mishap() if kind is None else None
        if mishap is Mishap.REFUSED:
            super().__exit__(Exception)
        else:
            super().__exit__(kind, *rest)
            if mishap is None:
                self._file.forced = _size(self._file.directory)
        if mishap is not None:
            raise mishap.error()


class SqliteStore:
    """Directories in which one ledger lives, one after another."""

    def __init__(self) -> None:
        self.mishap: Mishap | None = None
        self.clock: Callable[[], float] = float
        self.chance = random.Random(0)
        self._root = tempfile.mkdtemp(prefix="simulation-")
        self._count = 0
        self._directory = self._new_directory()
        self._file: _CutFile | None = None
        self._ledger: WatchedLedger | None = None

    def _new_directory(self) -> str:
        self._count += 1
        directory = os.path.join(self._root, str(self._count))
        os.mkdir(directory, mode=0o700)
        return directory

    def open(self) -> WatchedLedger:
        if self._ledger is not None:  # ended in good order, with nothing left to lose
            self._ledger.close()
        mishap, self.mishap = self.mishap, None
        self._file = _CutFile(self._directory, self)
        self._ledger = WatchedLedger(self._file, self.clock, self.chance)
        self.mishap = mishap
        return self._ledger

    def take_mishap(self) -> Mishap | None:
        """What the write that comes is to be."""
        mishap, self.mishap = self.mishap, None
        return mishap

    def crash(self, ledger: WatchedLedger, chance: random.Random) -> None:
        assert ledger is self._ledger
        assert self._file is not None
        after = self.copy()
        size = _size(after)
        if size > self._file.forced:
            unforced = size - self._file.forced
            kept = chance.choice((0, unforced, chance.randint(0, unforced)))
            os.truncate(os.path.join(after, _WAL), self._file.forced + kept)
        ledger.close()
        self._ledger, self._directory = None, after

    def copy(self) -> str:
        before, after = self._directory, self._new_directory()
        for name in (FILE, _WAL, REACHED):
            if os.path.exists(os.path.join(before, name)):
                shutil.copyfile(os.path.join(before, name), os.path.join(after, name))
        return after

    def put(self, copy: Any) -> None:
        if self._ledger is not None:
            self._ledger.close()
            self._ledger = None
        self._directory = self._new_directory() if copy is None else copy
        if copy is not None:
            self._directory = self.copy()

    def dispose(self) -> None:
        if self._ledger is not None:
            self._ledger.close()
        shutil.rmtree(self._root, ignore_errors=True)


def _size(directory: str) -> int:
    """Bytes in the log."""
    try:
        return os.path.getsize(os.path.join(directory, _WAL))
    except FileNotFoundError:
        return 0
