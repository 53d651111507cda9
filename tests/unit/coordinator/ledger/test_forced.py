# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is forced goes through fsync(2), and a failed fsync(2) is no certainty."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from coordinator.core.decisions import Decision
from coordinator.ledger.errors import NotWritten, Uncertain
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.ledger.sqlite_storage import SqliteFile, SqliteTransaction
from protocol.configuration import Configuration

FULL, NORMAL = 2, 1
"""PRAGMA synchronous (https://sqlite.org/pragma.html#pragma_synchronous)."""


def decision(generation: int) -> Decision:
    content = Configuration.of({"v": generation})
    return Decision(generation, f"1.{generation}", 1, content, None, ("a",))


class _Disk(SqliteFile):
    """The real one; it notes how each transaction is committed, and fails in that if it is told."""

    def __init__(self, statedir: str) -> None:
        super().__init__(statedir)
        self.levels: list[int] = []
        self.error = ""

    def transaction(self, forced: bool) -> SqliteTransaction:
        super().transaction(forced)
        assert self._connection is not None
        return SqliteTransaction(self._connection, self._committing)

    def _committing(self) -> None:
        assert self._connection is not None
        (level,) = self._connection.execute("PRAGMA synchronous").fetchone()
        self.levels.append(level)
        if self.error:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorname = self.error
            raise error


def test_only_what_may_be_lost_is_not_forced(tmp_path: Path) -> None:
    disk = _Disk(str(tmp_path))
    ledger = SqliteLedger(disk)
    assert set(disk.levels) == {FULL}, "the schema, and the epoch of this life"

    def levels(write: Callable[[], object]) -> list[int]:
        disk.levels.clear()
        write()
        return list(disk.levels)

    assert levels(lambda: ledger.force(decision(1))) == [FULL]
    assert levels(lambda: ledger.record_files(1, "d")) == [NORMAL]
    assert levels(lambda: ledger.force(decision(2)._replace(confirm=5.0))) == [FULL]
    assert levels(lambda: ledger.record_attached("svc", True)) == [NORMAL]
    assert levels(lambda: ledger.extend(2, 9.0)) == [FULL]
    assert levels(lambda: ledger.record_voter("a", True)) == [NORMAL]
    assert levels(lambda: ledger.confirm(2)) == [FULL]
    ledger.close()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SQLITE_FULL", NotWritten),
        ("SQLITE_READONLY_DBMOVED", NotWritten),
        ("SQLITE_IOERR_WRITE", NotWritten),
        ("SQLITE_BUSY", NotWritten),
        ("SQLITE_CANTOPEN", NotWritten),
        ("SQLITE_PERM", NotWritten),
        ("SQLITE_IOERR_FSYNC", Uncertain),
        ("SQLITE_IOERR_DIR_FSYNC", Uncertain),
        ("SQLITE_IOERR", Uncertain),
        ("SQLITE_CORRUPT", Uncertain),
        ("SQLITE_NOMEM", Uncertain),
    ],
)
def test_what_a_failed_write_was_is_certain_or_is_not(
    tmp_path: Path, name: str, kind: type[Exception]
) -> None:
    disk = _Disk(str(tmp_path))
    ledger = SqliteLedger(disk)
    ledger.force(decision(1))
    disk.error = name
    for write in (
        lambda: ledger.force(decision(2)),
        lambda: ledger.confirm(1),
        lambda: ledger.extend(1, 9.0),
    ):
        with pytest.raises((NotWritten, Uncertain)) as raised:
            write()
        assert raised.type is kind
    ledger.close()


@pytest.mark.parametrize(("moment", "left"), [(1000.0, 30.0), (1010.0, 20.0), (500.0, 30.0),
                                              (1030.0, 0.0), (9000.0, 0.0)])  # fmt: skip
def test_a_clock_set_back_makes_no_trial_longer(tmp_path: Path, moment: float, left: float) -> None:
    wall = [1000.0]
    ledger = SqliteLedger.open(str(tmp_path), clock=lambda: wall[0])
    ledger.force(decision(1))
    ledger.force(decision(2)._replace(confirm=30.0))
    wall[0] = moment
    found = ledger.unconfirmed()
    assert found is not None
    assert (found[0], found[1], found[2]) == (2, decision(1).configuration, left)
    ledger.close()
