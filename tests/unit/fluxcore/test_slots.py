# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a killed writer leaves is whole: the last that it wrote, or the one before."""

import copy
from pathlib import Path

import pytest

from fluxcore.slots import Slots


def files(place: Path) -> list[Path]:
    """The two, the one that was written last first."""
    return sorted(place.iterdir(), key=lambda path: path.read_bytes()[:8], reverse=True)


def test_the_last_counts_whatever_its_length(tmp_path: Path) -> None:
    slots = Slots(str(tmp_path / "kept"))
    assert slots.read() is None
    for data in (b"first", b"a longer second", b"", b"x" * 100_000, b"short"):
        slots.write(data)
        assert slots.read() == data
        assert Slots(str(tmp_path / "kept")).read() == data


@pytest.mark.parametrize("left", [0, 7, 20, 24])
def test_a_writer_that_is_killed_leaves_the_one_before(tmp_path: Path, left: int) -> None:
    slots = Slots(str(tmp_path / "kept"))
    slots.write(b"before")
    slots.write(b"killed in the middle")
    last = files(tmp_path)[0]
    last.write_bytes(last.read_bytes()[:left])
    assert Slots(str(tmp_path / "kept")).read() == b"before"


def test_one_that_wrote_over_a_longer_one_is_told_from_it(tmp_path: Path) -> None:
    slots = Slots(str(tmp_path / "kept"))
    for data in (b"first", b"second", b"third"):
        slots.write(data)
    last, before = files(tmp_path)
    last.write_bytes(last.read_bytes()[:-1] + b"?")
    assert before.read_bytes().endswith(b"second")
    assert Slots(str(tmp_path / "kept")).read() == b"second"


def test_a_copy_that_knows_nothing_of_the_last_writes_after_it(tmp_path: Path) -> None:
    """As a standby, forked long before, that takes its front's place."""
    slots = Slots(str(tmp_path / "kept"))
    slots.write(b"1")
    standby = copy.copy(slots)
    slots.write(b"2")
    slots.write(b"3")
    standby.write(b"4")
    assert Slots(str(tmp_path / "kept")).read() == b"4"


def test_what_an_earlier_boot_has_left_is_written_over(tmp_path: Path) -> None:
    slots = Slots(str(tmp_path / "kept"))
    slots.write(b"of a clock that was far ahead")
    slots._sequence = 1 << 62
    slots.write(b"of a clock that was far ahead")
    Slots(str(tmp_path / "kept")).write(b"now")
    assert Slots(str(tmp_path / "kept")).read() == b"now"


def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    slots = Slots(str(tmp_path / "kept"))
    slots.write(b"1")
    slots.forget()
    assert slots.read() is None
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_nothing_is_told() -> None:
    with pytest.raises(OSError, match="/proc/kept"):
        Slots("/proc/kept").write(b"1")
