# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a rank runs is known to the agent that takes the place of a dead one."""

from pathlib import Path

from fluxcore.slots import Slots
from participant.fluxcore.memory import Remembered, RunningFile
from protocol.configuration import Configuration

RUNNING = Configuration.of({"a": {"n": 1}})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    file = RunningFile(str(tmp_path / "running"))
    assert file.read() is None
    file.write(RUNNING, certain=True)
    assert file.read() == Remembered(RUNNING, True)
    file.write(RUNNING, certain=False)
    assert file.read() == Remembered(RUNNING, False)
    assert RunningFile(str(tmp_path / "running")).read() == Remembered(RUNNING, False)


def test_what_is_no_configuration_is_nothing(tmp_path: Path) -> None:
    path = str(tmp_path / "running")
    for data in (b"", b"=", b"=garbage", RUNNING.encoded):
        Slots(path).write(data)
        assert RunningFile(path).read() is None


def test_a_directory_that_is_gone_is_no_error(tmp_path: Path) -> None:
    RunningFile(str(tmp_path / "gone" / "running")).write(RUNNING, certain=True)
    RunningFile(None).write(RUNNING, certain=True)
    assert RunningFile(None).read() is None
