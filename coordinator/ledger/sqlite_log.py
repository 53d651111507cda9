# SPDX-License-Identifier: LGPL-3.0-or-later
"""SQLite's write-ahead log after an fsync that failed: written again, before anybody relies on it.

After such a failure the pages count as clean: everybody reads them from the cache, and they never
come to the disk, nor does the next fsync say so (fsync(2); Rebello et al., "Can Applications
Recover from fsync Failures?", USENIX ATC 2020).  What is then appended to the log and synced is on
the disk behind a hole, and a power cut takes it: SQLite reads a log up to the first wrong frame.

So the bytes that are read are written in place, which makes the pages dirty, and synced.
"""

import os
import sqlite3
from contextlib import suppress
from typing import Any

_CHUNK = 1 << 20


def write_again(path: str) -> None:
    """Make the file at `path` as durable as it looks; where there is none, there is no need.

    Raises OSError where the disk still fails; the file is then as it was.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    with suppress(FileNotFoundError):
        descriptor = os.open(path, flags)
        try:
            position = 0
            while chunk := os.pread(descriptor, _CHUNK, position):
                position += os.pwrite(descriptor, chunk, position)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class WatchedConnection(sqlite3.Connection):
    """A connection that remembers that the disk has failed, whoever heard of it."""

    doubtful = False
    """What this connection reads may not be on the disk."""

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        """As sqlite3.Connection's."""
        try:
            return super().execute(*arguments)
        except sqlite3.Error as error:
            name = str(getattr(error, "sqlite_errorname", ""))
            if name.startswith("SQLITE_IOERR") and name != "SQLITE_IOERR_WRITE":
                self.doubtful = True
            raise
