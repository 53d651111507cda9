# SPDX-License-Identifier: LGPL-3.0-or-later
"""The log is written again where an fsync failed, and is emptied where nothing is decided.

That a power cut then takes nothing is tests/chaos/power's.
"""

import errno
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from coordinator.core.decisions import Attempt
from coordinator.core.requests import Who
from coordinator.ledger import sqlite_log, sqlite_storage
from coordinator.ledger.errors import LedgerError, NotWritten
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.ledger.sqlite_log import WatchedConnection, write_again
from tests.unit.coordinator.ledger.test_sqlite import decision

MEGABYTE = 1 << 20


def failing(descriptor: int) -> None:
    raise OSError(errno.EIO, "Input/output error")


def test_a_file_stays_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write_again(str(path))
    assert not path.exists()
    content = os.urandom(3 * MEGABYTE + 17)
    path.write_bytes(content)
    write_again(str(path))
    assert path.read_bytes() == content


def test_records_alone_do_not_let_it_grow(tmp_path: Path) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    attempt = Attempt("t", 1, "d", "reload", Who(1, 2, "flux config reload"), "m" * 6000)
    for _ in range(1500):
        ledger.record_attempt(attempt)
    assert (tmp_path / "ledger.sqlite-wal").stat().st_size < 8 * MEGABYTE
    ledger.close()


def test_a_record_waits_for_no_disk(tmp_path: Path) -> None:
    """It stays in the log; to move it into the database takes two fsyncs."""
    ledger = SqliteLedger.open(str(tmp_path))
    ledger.force(decision(1))
    ledger.maintain()
    before = (tmp_path / "ledger.sqlite").read_bytes()
    ledger.record_attached("svc", present=True)
    assert (tmp_path / "ledger.sqlite").read_bytes() == before
    ledger.maintain()
    assert (tmp_path / "ledger.sqlite").read_bytes() != before
    ledger.close()


def test_nothing_is_decided_while_the_disk_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = SqliteLedger.open(str(tmp_path))
    ledger.force(decision(1))
    connection = ledger._connection
    assert isinstance(connection, WatchedConnection)
    connection.doubtful = True
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", failing)
        with pytest.raises(NotWritten, match=r"has failed, and still does: .*Input/output"):
            ledger.force(decision(2))
    ledger.force(decision(2))
    assert not connection.doubtful
    ledger.close()


def test_a_start_makes_sure_of_what_the_life_before_has_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That may have ended because an fsync failed: what is read is not known to be on the disk."""
    living, crashed = tmp_path / "living", tmp_path / "crashed"
    living.mkdir()
    ledger = SqliteLedger.open(str(living))
    ledger.force(decision(1))
    shutil.copytree(living, crashed)
    ledger.close()
    synced: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    SqliteLedger.open(str(crashed)).close()
    assert synced == ["ledger.sqlite-wal", "crashed"]


def test_a_start_on_a_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SqliteLedger.open(str(tmp_path)).close()
    monkeypatch.setattr(sqlite_storage, "_sync_directory", failing)
    with pytest.raises(LedgerError, match=r"Its disk failed: see the kernel's log; start again"):
        SqliteLedger.open(str(tmp_path))


def test_only_what_leaves_doubt_is_remembered() -> None:
    connection = sqlite3.connect(":memory:", factory=sqlite_log.WatchedConnection)
    with pytest.raises(sqlite3.OperationalError):
        connection.execute("no such thing")
    assert not connection.doubtful
    connection.close()
