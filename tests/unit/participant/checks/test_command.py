# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which program a check is, and that nobody else can have put it there."""

import os
from pathlib import Path

import pytest

from participant.checks.command import SEARCHED, environment, find_program, words_of


def test_words() -> None:
    assert words_of(["nginx", "-t", "a b"]) == ("nginx", "-t", "a b")
    assert words_of("/usr/bin/env 'a b' $HOME *; x") == ("/usr/bin/env", "a b", "$HOME", "*;", "x")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([], "must name a program"),
        ("", "must name a program"),
        (["", "x"], "must name a program"),
        ({"a": 1}, "must be an array of strings, or a string"),
        ("bin/x", "must be an absolute path"),
        ("../x", "must be an absolute path"),
        (["/bin/echo", "a\0b"], "must not contain NUL"),
    ],
)
def test_no_words(value: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        words_of(value)


def test_neither_path_nor_the_current_directory_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "mine"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LookupError, match="no such program in /usr/local/sbin"):
        find_program("mine")
    assert find_program(str(program)) == str(program)
    assert find_program("sh").startswith(SEARCHED)


def test_what_others_can_change_is_not_run(tmp_path: Path) -> None:
    program = tmp_path / "mine"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o757)
    with pytest.raises(LookupError, match="can be written by everybody"):
        find_program(str(program))
    program.chmod(0o755)
    tmp_path.chmod(0o777)
    with pytest.raises(LookupError, match="can be written by everybody"):
        find_program(str(program))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize(
    "given", ["the program", "its directory", "what is above", "a link's place"]
)
def test_what_another_user_owns_is_not_run(tmp_path: Path, given: str) -> None:
    """That one could write another program there at any time; no bit of the mode says so."""
    program, link = tmp_path / "above" / "bin" / "mine", tmp_path / "links" / "mine"
    program.parent.mkdir(parents=True)
    link.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    link.symlink_to(program)
    assert find_program(str(link)) == str(link)
    directory = program.parent
    place = {"the program": program, "its directory": directory,
             "what is above": directory.parent, "a link's place": link.parent}[given]  # fmt: skip
    os.chown(place, 65534, -1)
    with pytest.raises(LookupError, match=f"{place} belongs to uid 65534"):
        find_program(str(link))


def test_what_is_no_program_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    for path in (tmp_path / "text", tmp_path, tmp_path / "missing"):
        with pytest.raises(LookupError):
            find_program(str(path))


def test_the_environment_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/systemd/notify")
    assert set(environment("a")) == {"PATH", "LANG", "FLUX_ACCORD_CHECK"}
