# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where a SQLite ledger is kept: its file, what guards the file, and how far a write has got.

Apart from the ledger's rules, so that the simulation can run the same rules on storage that fails,
loses its cache in a crash and costs nothing (tests/simulation/ledger.py).
"""

import errno
import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Protocol, TypeAlias
from urllib.parse import quote

from coordinator.ledger import sqlite_log
from coordinator.ledger.errors import NotWritten
from coordinator.ledger.sqlite_log import WatchedConnection
from coordinator.runtime.directories import DirectoryLock, Unusable, check

FILE = "ledger.sqlite"
REACHED = "reached"

_BESIDE = ("-wal", "-shm")  # what SQLite keeps beside the database
_MARK_BYTES = 40

FILES = (REACHED, FILE, *(FILE + suffix for suffix in _BESIDE))
"""All that a ledger leaves in its directory, but for the lock."""

Execute: TypeAlias = Callable[..., sqlite3.Cursor]
"""`sqlite3.Connection.execute`, inside a transaction."""


class SqliteStorage(Protocol):
    """A database, and a mark beside it that tells when its end is missing."""

    path: str
    """For people."""

    def connect(self) -> sqlite3.Connection:
        """The database.  Raises sqlite3.Error."""

    def transaction(self, forced: bool) -> AbstractContextManager[Execute]:
        """A block that commits at its end, and rolls back on an error.

        `forced`: it is on disk when the block has ended.  Raises sqlite3.Error.
        """

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """A reader's view of one moment, in any thread, in nobody's way.  Raises sqlite3.Error."""

    def mark(self, epoch: int, generation: int) -> None:
        """Note how far the ledger has come; may be behind, never ahead.  Raises nothing."""

    def marked(self) -> tuple[int, int]:
        """Epoch and generation that have been reached for certain."""

    def close(self) -> None:
        """Let go of it."""


class SqliteFile:
    """A file in a state directory, in WAL mode (https://sqlite.org/wal.html)."""

    def __init__(self, statedir: str) -> None:
        """Take the directory.  Raises Unusable where it is unsafe, or another broker's."""
        check(statedir, "state directory")
        _check_files(statedir)
        self._lock = DirectoryLock(statedir, "state directory")
        self.path = os.path.join(statedir, FILE)
        self._reached = os.path.join(statedir, REACHED)
        self._log = f"{self.path}-wal"
        self._connection: WatchedConnection | None = None
        self._level = ""
        self._opened: dict[str, tuple[int, int]] = {}

    def connect(self) -> sqlite3.Connection:
        """Open or make the file."""
        if not os.path.exists(self.path):
            self.mark(0, 0)
        sqlite_log.write_again(self._log)  # the life before may have ended because an fsync failed
        connection = sqlite3.connect(
            self.path,
            isolation_level=None,
            check_same_thread=False,
            timeout=1.0,
            factory=WatchedConnection,
        )
        os.chmod(self.path, 0o600)
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":  # SQLite does not say why
            raise OSError(errno.EIO, "the disk failed while it was made")
        # A checkpoint of SQLite's own would keep the failure of its fsync to itself.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # this opens the WAL
        for path in (self.path, self._log):
            self._opened[path] = _inode(path)
        _sync_directory(os.path.dirname(self.path))
        self._connection = connection
        return connection

    def transaction(self, forced: bool) -> "SqliteTransaction":
        """synchronous=FULL where forced: the commit has been through fsync(2)."""
        assert self._connection is not None
        self._settle_doubt(self._connection)
        # Not OFF: that would let a checkpoint overwrite, unsynced, what was forced before.
        level = "FULL" if forced else "NORMAL"
        if level != self._level:
            self._connection.execute(f"PRAGMA synchronous = {level}")
            self._level = level
        return SqliteTransaction(self._connection, self._check_in_place)

    def _settle_doubt(self, connection: WatchedConnection) -> None:
        """Nothing is appended to what may not be on the disk."""
        if connection.doubtful:
            try:
                sqlite_log.write_again(self._log)
            except OSError as error:
                raise NotWritten(f"the disk has failed, and still does: {error}") from error
            connection.doubtful = False

    def _check_in_place(self) -> None:
        """Raise NotWritten where the next start would not find what is written now.

        SQLite writes on into a file that was removed.  The open files keep their inodes from use
        by others, so that another file at the path has another.
        """
        for path, opened in self._opened.items():
            try:
                found = _inode(path)
            except OSError:
                found = None
            if found != opened:
                raise NotWritten(
                    f"{path} was removed or replaced under this broker, and nothing is written "
                    "any more; put that very file back, or stop the broker, restore the ledger "
                    "from a backup and start again"
                )

    def reading(self) -> "_Reading":
        """A connection of its own: a reader waits for no decision, and no decision for a reader."""
        return _Reading(f"file:{quote(self.path)}?mode=ro")

    def mark(self, epoch: int, generation: int) -> None:
        """Written after the ledger and without waiting for the disk."""
        with suppress(OSError):  # an aid; the ledger itself is on disk
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self._reached, flags, 0o600)
            try:
                os.pwrite(descriptor, f"{epoch} {generation}".ljust(_MARK_BYTES).encode(), 0)
            finally:
                os.close(descriptor)

    def marked(self) -> tuple[int, int]:
        """Zeros where there is no mark."""
        try:
            with open(self._reached, "rb") as file:
                numbers = file.read(_MARK_BYTES).split()
        except OSError:
            return 0, 0
        if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
            return 0, 0
        return int(numbers[0]), int(numbers[1])

    def close(self) -> None:
        """Close the file, then let another broker have the directory.

        The last to close empties the WAL into the database; where it cannot be made sure that the
        WAL is on the disk, it is left to the next start.
        """
        if self._connection is not None:
            with suppress(NotWritten):
                self._settle_doubt(self._connection)
                self._connection.close()
        self._lock.release()


def _inode(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def _sync_directory(path: str) -> None:
    """Names, too, are to outlast a power cut.  SQLite does this, and does not look how it ended."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_files(statedir: str) -> None:
    """Raise Unusable where one of ours is no file: to open a named pipe would wait for ever."""
    for name in ("lock", *FILES):
        path = os.path.join(statedir, name)
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(os.lstat(path).st_mode):
                raise Unusable(
                    f"{path} is not a regular file, and no broker made it so; see what it is, and "
                    "remove it"
                )


class SqliteTransaction:
    """`with` block that commits at its end and rolls back on an error."""

    def __init__(self, connection: sqlite3.Connection, check: Callable[[], None]) -> None:
        """`check` is called before the commit; what it raises rolls back."""
        self._connection = connection
        self._check = check

    def __enter__(self) -> Execute:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection.execute

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            try:
                self._check()
                self._connection.execute("COMMIT")
            except (sqlite3.Error, NotWritten):
                self._roll_back()
                raise
        else:
            self._roll_back()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


class _Reading:
    """A connection for the length of a `with` block, which sees the ledger at one moment."""

    def __init__(self, uri: str) -> None:
        self._connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=1.0)

    def __enter__(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN")
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()
