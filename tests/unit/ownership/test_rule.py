# SPDX-License-Identifier: LGPL-3.0-or-later
"""Whose one place is: its owner, its mode, and groups of one."""

import os
import stat

import pytest

from ownership.rule import Stranger, stranger


def status(mode: int, uid: int = 0, gid: int = 0) -> os.stat_result:
    """As stat(2) would give it."""
    return os.stat_result((stat.S_IFREG | mode, 1, 1, 1, uid, gid, 0, 0, 0, 0))


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755, 0o664])
def test_nobody(mode: int) -> None:
    """Root's group, with a bit for writing, has root alone."""
    assert stranger("/x", status(mode)) is None


def test_ones_own() -> None:
    assert stranger("/x", status(0o644, uid=os.geteuid(), gid=os.getegid())) is None


@pytest.mark.parametrize("mode", [0o646, 0o1777, 0o666])
def test_everybody(mode: int) -> None:
    found = stranger("/x", status(mode))
    assert found == Stranger("/x", "can be written by everybody", "`chmod o-w /x`")


def test_a_group() -> None:
    found = stranger("/x", status(0o664, gid=54321))
    assert found == Stranger("/x", "can be written by the group 54321", "`chmod g-w /x`")
    assert stranger("/x", status(0o644, gid=54321)) is None


def test_another_owner() -> None:
    """What its mode is does not matter: an owner can change that."""
    found = stranger("/x", status(0o400, uid=54321))
    assert found is not None
    assert found.told == "/x belongs to uid 54321"
    assert found.remedy.startswith("have it belong to ")
    assert found.remedy.endswith("root")


def test_what_can_be_replaced_is_told() -> None:
    found = Stranger("/x", "belongs to uid 1", "", "/x/y")
    assert found.told == "/x belongs to uid 1, and /x/y can be replaced in it"
