# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is forced goes through fsync(2), and a failed fsync(2) is no certainty."""

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from coordinator.core.decisions import Attempt, Decision
from coordinator.core.requests import Who
from coordinator.ledger.errors import LedgerError, NotWritten, Uncertain
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.ledger.sqlite_storage import FILE, REACHED, SqliteFile, SqliteTransaction
from protocol.configuration import Configuration
from protocol.reasons import Reason

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
    why = Reason("a", "no")
    attempt = Attempt("1.9", 2, "d", "load", Who(), "", (why,))
    assert levels(lambda: ledger.record_attempt(attempt)) == [NORMAL]
    assert levels(lambda: ledger.record_warnings(2, (why,))) == [NORMAL]
    assert levels(lambda: ledger.record_not_applied(2, ("a",))) == [NORMAL]
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


def test_a_decision_of_another_life_is_not_written(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    with pytest.raises(NotWritten, match="of epoch 9, not 1"):
        ledger.force(decision(1)._replace(epoch=9))
    assert ledger.last() is None
    ledger.close()


@pytest.mark.parametrize("name", [FILE, f"{FILE}-wal"])
@pytest.mark.parametrize("replaced", [True, False])
def test_nothing_is_written_into_a_file_that_nobody_would_find(
    tmp_path: Path, name: str, replaced: bool
) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    ledger.force(decision(1))
    moved = tmp_path / "moved"
    (tmp_path / name).rename(moved)
    if replaced:
        (tmp_path / name).write_bytes(moved.read_bytes())
    for _ in range(2):
        with pytest.raises(NotWritten, match="removed or replaced under this broker"):
            ledger.force(decision(2))
    moved.rename(tmp_path / name)
    assert ledger.force(decision(2)).generation == 2
    ledger.close()


@pytest.mark.parametrize("mark", [b"", b"1", b"a b", b"1 2 3", b"-1 5"])
def test_a_mark_that_is_none_says_nothing(tmp_path: Path, mark: bytes) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    ledger.force(decision(1))
    ledger.close()
    (tmp_path / REACHED).write_bytes(mark)
    again = SqliteLedger.open(str(tmp_path))
    assert again.epoch == 2
    again.close()
    assert (tmp_path / REACHED).read_bytes().split()[:2] == [b"2", b"1"]


@pytest.mark.parametrize("name", [FILE, REACHED, "lock"])
def test_what_is_no_file_is_not_opened(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(LedgerError, match="not a regular file"):
        SqliteLedger.open(str(tmp_path))


def test_an_unconfirmed_generation_without_the_one_before_is_no_sound_ledger(
    tmp_path: Path,
) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    ledger.force(decision(1))
    ledger.force(decision(2)._replace(confirm=30.0))
    ledger.close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("DELETE FROM decisions WHERE generation = 1")
    connection.close()
    with pytest.raises(
        LedgerError, match="generation 2 is unconfirmed: it, or the one before, is missing"
    ):
        SqliteLedger.open(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("SQLITE_FULL", "make room"),
        ("SQLITE_IOERR_WRITE", "make room"),
        ("SQLITE_IOERR_SHMSIZE", "make room"),
        ("SQLITE_IOERR_FSYNC", "Its disk failed"),
        ("SQLITE_CORRUPT", "Restore it from a backup"),
    ],
)
def test_a_ledger_that_cannot_be_opened_says_the_way_out(
    tmp_path: Path, name: str, advice: str
) -> None:
    SqliteLedger.open(str(tmp_path)).close()
    disk = _Disk(str(tmp_path))
    disk.error = name
    with pytest.raises(LedgerError, match=advice) as raised:
        SqliteLedger(disk)
    assert "Nothing was changed" in str(raised.value)
    again = SqliteLedger.open(str(tmp_path))
    assert again.epoch == 2, "the lock was let go, and the epoch was not used up"
    again.close()


@pytest.mark.parametrize(("number", "advice"), [(errno.ENOSPC, "make room"),
                                                (errno.EDQUOT, "make room"),
                                                (errno.EIO, "Its disk failed")])  # fmt: skip
def test_an_error_of_the_system_is_told_as_what_it_is(
    tmp_path: Path, number: int, advice: str
) -> None:
    class _Failing(_Disk):
        def connect(self) -> sqlite3.Connection:
            raise OSError(number, os.strerror(number))

    with pytest.raises(LedgerError, match=advice):
        SqliteLedger(_Failing(str(tmp_path)))
