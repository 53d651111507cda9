# SPDX-License-Identifier: LGPL-3.0-or-later
"""The mark beside the ledger: how far it has got, as far as that is known."""

import os
import stat
from pathlib import Path

import pytest

from coordinator.ledger.sqlite_storage import REACHED, SqliteFile


@pytest.fixture
def storage(tmp_path: Path) -> SqliteFile:
    return SqliteFile(str(tmp_path))


def test_a_mark_is_found_again_and_a_later_one_takes_its_place(storage: SqliteFile) -> None:
    assert storage.marked() == (0, 0)
    storage.mark(12, 3456)
    assert storage.marked() == (12, 3456)
    storage.mark(13, 7)
    assert storage.marked() == (13, 7)


@pytest.mark.parametrize("text", [b"", b"7", b"7 x", b"-1 3", b"1 2 3", b"\xff\xfe 1"])
def test_what_is_no_mark_says_nothing(tmp_path: Path, storage: SqliteFile, text: bytes) -> None:
    (tmp_path / REACHED).write_bytes(text)
    assert storage.marked() == (0, 0)


def test_a_mark_is_the_owners_alone_whatever_the_umask(tmp_path: Path, storage: SqliteFile) -> None:
    before = os.umask(0)
    try:
        storage.mark(1, 1)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / REACHED).stat().st_mode) == 0o600
