# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who else may write to a file, which decides whether the commands in it are run."""

import os
from pathlib import Path

import pytest

from coordinator.files.proposal import FilesOnDisk
from coordinator.files.reading import Unreadable
from coordinator.ownership import other_writer

CHECKS = '[[checks]]\nname = "a"\ncommand = "true"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    directory = tmp_path / "conf.d"
    directory.mkdir(mode=0o755)
    file = directory / "a.toml"
    file.write_text(CHECKS)
    file.chmod(0o644)
    return file


def test_nobody(file: Path) -> None:
    assert other_writer(str(file)) == ""
    assert FilesOnDisk(str(file.parent)).read_at_once().sources


@pytest.mark.parametrize("where", ["file", "directory", "above"])
def test_everybody(file: Path, where: str) -> None:
    place = {"file": file, "directory": file.parent, "above": file.parent.parent}[where]
    place.chmod(0o777)
    assert other_writer(str(file)) == f"{place} can be written by everybody"
    with pytest.raises(Unreadable, match="would be run as this user"):
        FilesOnDisk(str(file.parent)).read_at_once()
    with pytest.raises(Unreadable, match="would be run as this user"):
        FilesOnDisk(str(file.parent)).read()
    file.write_text("x = 1\n")
    assert FilesOnDisk(str(file.parent)).read_at_once().sources, "what names no command is taken"


def test_sticky_will_do_above_and_not_beside(file: Path) -> None:
    file.parent.parent.chmod(0o1777)
    assert other_writer(str(file)) == ""
    file.parent.chmod(0o1777)
    assert "can be written by everybody" in other_writer(str(file))


def test_a_link_is_followed_and_its_own_place_counts(file: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "links"
    elsewhere.mkdir(mode=0o777)
    elsewhere.chmod(0o777)
    link = elsewhere / "a.toml"
    link.symlink_to(file)
    assert other_writer(str(link)) == f"{elsewhere} can be written by everybody"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_another_owner(file: Path) -> None:
    os.chown(file, 65534, -1)
    assert other_writer(str(file)) == f"{file} belongs to uid 65534"
    os.chown(file, 0, 65534)
    file.chmod(0o664)
    assert other_writer(str(file)) == f"{file} can be written by group 65534"


def test_what_is_not_there(tmp_path: Path) -> None:
    assert "No such file" in other_writer(str(tmp_path / "missing"))
