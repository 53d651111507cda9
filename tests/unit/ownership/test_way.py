# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who could put another file in the place of one: above it, and on the way of links."""

import os
from pathlib import Path

import pytest

from ownership.way import stranger_on_the_way, stranger_to_file

NOBODY = 65534

gives_away = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of ours in a directory of ours."""
    directory = tmp_path / "own"
    directory.mkdir(mode=0o755)
    file = directory / "file"
    file.touch()
    file.chmod(0o644)
    return file


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Another directory of ours."""
    directory = tmp_path / "elsewhere"
    directory.mkdir(mode=0o755)
    return directory


def told(path: Path | str) -> str:
    """Who could change the file, in words; empty for nobody."""
    found = stranger_to_file(str(path))
    return found.told if found else ""


def test_nobody(file: Path) -> None:
    assert told(file) == ""


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_the_file_and_its_directory(file: Path, mode: int) -> None:
    """Sticky or not: a file can be added beside it."""
    file.chmod(0o666)
    assert told(file) == f"{file} can be written by everybody"
    file.chmod(0o644)
    file.parent.chmod(mode)
    assert told(file) == f"{file.parent} can be written by everybody"


def test_above(file: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    assert told(file) == (
        f"{tmp_path} can be written by everybody, and {file.parent} can be replaced in it"
    )
    tmp_path.chmod(0o1777)
    assert told(file) == ""


@gives_away
@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_whose_it_is(file: Path, tmp_path: Path, mode: int) -> None:
    """The owner of a sticky directory can rename all that is in it."""
    os.chown(file, NOBODY, -1)
    assert told(file) == f"{file} belongs to uid {NOBODY}"
    os.chown(file, 0, -1)
    os.chown(tmp_path, NOBODY, -1)
    tmp_path.chmod(mode)
    assert told(file) == (
        f"{tmp_path} belongs to uid {NOBODY}, and {file.parent} can be replaced in it"
    )


def test_a_link_to_what_is_anothers(file: Path, elsewhere: Path) -> None:
    (elsewhere / "link").symlink_to(file)
    assert told(elsewhere / "link") == ""
    file.parent.chmod(0o777)
    assert told(elsewhere / "link") == f"{file.parent} can be written by everybody"


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_the_directory_of_a_link_to_it(file: Path, elsewhere: Path, mode: int) -> None:
    (elsewhere / "link").symlink_to(file)
    elsewhere.chmod(mode)
    assert told(elsewhere / "link") == f"{elsewhere} can be written by everybody"


def test_a_link_in_the_middle_of_several(file: Path, elsewhere: Path, tmp_path: Path) -> None:
    (elsewhere / "middle").symlink_to(file)
    (tmp_path / "first").symlink_to("elsewhere/middle")
    assert told(tmp_path / "first") == ""
    elsewhere.chmod(0o777)
    assert told(tmp_path / "first") == (
        f"{elsewhere} can be written by everybody, and {elsewhere}/middle can be replaced in it"
    )


def test_a_link_to_a_directory_on_the_way(file: Path, elsewhere: Path) -> None:
    (elsewhere / "way").symlink_to("../own")
    path = elsewhere / "way" / "file"
    assert told(path) == ""
    elsewhere.chmod(0o1777)
    assert told(path) == ""
    elsewhere.chmod(0o777)
    assert told(path) == (
        f"{elsewhere} can be written by everybody, and {elsewhere}/way can be replaced in it"
    )


@gives_away
def test_a_link_of_somebody_else_in_a_sticky_directory(file: Path, elsewhere: Path) -> None:
    """Whose it is can make it lead elsewhere."""
    way = elsewhere / "way"
    way.symlink_to("../own")
    elsewhere.chmod(0o1777)
    os.chown(way, NOBODY, -1, follow_symlinks=False)
    assert told(way / "file") == f"{way} belongs to uid {NOBODY}"


def test_up_from_a_link_is_above_where_it_leads(file: Path, elsewhere: Path) -> None:
    (elsewhere / "deep").mkdir()
    (file.parent / "way").symlink_to(elsewhere / "deep")
    (elsewhere / "file").touch()
    elsewhere.chmod(0o777)
    assert told(f"{file.parent}/way/../file") == f"{elsewhere} can be written by everybody"


def test_a_relative_path(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    assert told("file") == ""
    tmp_path.chmod(0o777)
    assert told("file").startswith(f"{tmp_path} can be written by everybody")


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        told(tmp_path / "missing")


def test_a_loop_of_links_ends(elsewhere: Path) -> None:
    loop = elsewhere / "loop"
    loop.symlink_to("loop")
    for look in (stranger_to_file, stranger_on_the_way):
        with pytest.raises(OSError, match="symbolic links"):
            look(str(loop))
