# SPDX-License-Identifier: LGPL-3.0-or-later
"""A file is written whole, or stays as it was."""

import os
from pathlib import Path

import pytest

from cli.client import Trouble
from cli.output.whole_file import write


def test_it_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write(str(tmp_path / "new"), "ä")
    finally:
        os.umask(mask)
    assert (tmp_path / "new").read_text() == "ä"
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640
    (tmp_path / "new").chmod(0o604)
    (tmp_path / "link").symlink_to("new")
    write(str(tmp_path / "link"), "other")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "new").read_text() == "other"
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o604
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "new"]


def test_what_is_no_file_is_written_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write("/dev/null", "x")
    assert Path("/dev/null").is_char_device()
    write("-", "to stdout")
    assert capsys.readouterr().out == "to stdout"


def test_what_cannot_be_written_is_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    for path in (tmp_path / "directory", tmp_path / "nowhere" / "page.html"):
        with pytest.raises(Trouble, match="was not written, and is as it was"):
            write(str(path), "x")
    with pytest.raises(UnicodeEncodeError):
        write(str(tmp_path / "page"), "\ud800")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["directory"]
