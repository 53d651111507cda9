# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who else may write to a file decides whether the commands in it are run."""

from pathlib import Path

import pytest

from coordinator.files.proposal import FilesOnDisk
from coordinator.files.reading import Unreadable

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
    assert FilesOnDisk(str(file.parent)).read_at_once().sources


@pytest.mark.parametrize("where", ["file", "directory", "above"])
def test_everybody(file: Path, where: str) -> None:
    place = {"file": file, "directory": file.parent, "above": file.parent.parent}[where]
    place.chmod(0o777)
    for read in (FilesOnDisk(str(file.parent)).read_at_once, FilesOnDisk(str(file.parent)).read):
        with pytest.raises(Unreadable, match="would be run as this user") as refused:
            read()
        assert f"{place} can be written by everybody" in str(refused.value)
        assert f"; `chmod o-w {place}`" in str(refused.value)
    file.write_text("x = 1\n")
    assert FilesOnDisk(str(file.parent)).read_at_once().sources, "what names no command is taken"
