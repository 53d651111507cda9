# SPDX-License-Identifier: LGPL-3.0-or-later
"""Whose directories are they: a second broker, foreign owners, open modes, planted links."""

import os
import socket
from pathlib import Path

import pytest

from tests.chaos.broker import ChaosBroker


def refused(broker: ChaosBroker) -> str:
    """What a broker says that does not start; nothing of it may be a traceback."""
    broker.log.unlink(missing_ok=True)
    broker.launch()
    assert broker.wait_dead() == 1
    said = broker.log_text()
    assert "Traceback" not in said
    return said


def test_a_second_broker_on_the_run_directory(broker: ChaosBroker) -> None:
    """It has a ledger of its own; the sockets are the first one's all the same."""
    broker.start()
    first, broker.process = broker.process, None
    assert first is not None
    statedir, broker.statedir = broker.statedir, broker.root / "another"
    broker.statedir.mkdir(mode=0o700)
    said = refused(broker)
    assert f"another broker uses the run directory {broker.rundir}" in said
    assert str(first.pid) in said
    broker.process, broker.statedir = first, statedir
    with broker.attached("x"):
        broker.write()
        outcome = broker.reload()
        assert (outcome["result"], outcome["asked"]) == ("committed", 1)


def test_a_run_directory_is_free_again_after_a_kill(broker: ChaosBroker) -> None:
    broker.start()
    assert broker.process is not None
    broker.process.kill()
    broker.wait_dead()
    broker.start()
    assert broker.generation == 1


@pytest.mark.parametrize("which", ["rundir", "statedir"])
def test_a_directory_that_others_may_write_in(broker: ChaosBroker, which: str) -> None:
    path: Path = getattr(broker, which)
    path.chmod(0o777)
    said = refused(broker)
    assert "others may write" in said
    assert f"chmod go-w {path}" in said
    path.chmod(0o700)
    broker.start()


@pytest.mark.parametrize("which", ["rundir", "statedir"])
def test_a_directory_that_others_may_replace(broker: ChaosBroker, which: str) -> None:
    """It is its owner's alone, and whoever can write above it can rename it away."""
    above = broker.root / "above"
    above.mkdir()
    above.chmod(0o777)
    path = above / "own"
    path.mkdir(mode=0o700)
    setattr(broker, which, path)
    said = refused(broker)
    assert f"{above} can be written by everybody, and {path} can be replaced in it" in said
    assert f"or `chmod o-w {above}`" in said
    above.chmod(0o1777)  # sticky, as /tmp: one's own cannot be renamed by others
    broker.uri = f"local://{broker.rundir}/local"
    broker.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_below_somebody_elses(broker: ChaosBroker) -> None:
    os.chown(broker.root, 65534, 65534)
    said = refused(broker)
    os.chown(broker.root, 0, 0)
    assert f"{broker.root} belongs to uid 65534" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
@pytest.mark.parametrize("which", ["rundir", "statedir"])
def test_a_directory_of_somebody_else(broker: ChaosBroker, which: str) -> None:
    path: Path = getattr(broker, which)
    os.chown(path, 65534, 65534)
    assert "belongs to uid 65534" in refused(broker)


@pytest.mark.parametrize(
    ("which", "name"),
    [("rundir", "lock"), ("rundir", "modules"), ("rundir", "local"),
     ("statedir", "lock"), ("statedir", "reached"), ("statedir", "ledger.sqlite")],
)  # fmt: skip
def test_a_planted_link(broker: ChaosBroker, which: str, name: str) -> None:
    """What it points to is neither written nor spoken to."""
    target = broker.root / "target"
    target.write_text("precious")
    link: Path = getattr(broker, which) / name
    link.symlink_to(target)
    said = refused(broker)
    link.unlink()
    assert "symbolic link" in said
    assert f"`{name}`" in said
    assert target.read_text() == "precious"


@pytest.mark.parametrize("name", ["modules", "local"])
def test_what_is_not_its_own_stays(broker: ChaosBroker, name: str) -> None:
    """Somebody has put another socket in the place of the broker's."""
    broker.start()
    path = broker.rundir / name
    path.unlink()
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(str(path))
        broker.end()
        assert path.exists()


def test_its_own_sockets_go(broker: ChaosBroker) -> None:
    broker.start()
    broker.end()
    assert sorted(entry.name for entry in broker.rundir.iterdir()) == ["lock"]


@pytest.mark.parametrize("name", ["lock", "reached", "ledger.sqlite", "ledger.sqlite-wal"])
def test_a_ledger_that_is_no_file(broker: ChaosBroker, name: str) -> None:
    """To open a named pipe waits for the other end: a start must not hang in it."""
    os.mkfifo(broker.statedir / name)
    said = refused(broker)
    (broker.statedir / name).unlink()  # the verdicts look at the ledger
    assert f"{broker.statedir / name} is not a regular file" in said


def test_one_directory_for_both(broker: ChaosBroker) -> None:
    broker.statedir = broker.rundir
    said = refused(broker)
    assert f"the run directory and the state directory are both {broker.rundir}" in said
    assert "another broker" not in said
