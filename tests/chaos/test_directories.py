# SPDX-License-Identifier: LGPL-3.0-or-later
"""Whose directories are they: a second broker, foreign owners, open modes, planted links."""

import os
import socket
from pathlib import Path

import pytest

from tests.chaos.house import House


def refused(house: House) -> str:
    """What a broker says that does not start; nothing of it may be a traceback."""
    house.log.unlink(missing_ok=True)
    house.launch()
    assert house.wait_dead() == 1
    said = house.log_text()
    assert "Traceback" not in said
    return said


def test_a_second_broker_on_the_run_directory(house: House) -> None:
    """It has a ledger of its own; the sockets are the first one's all the same."""
    house.start()
    first, house.broker = house.broker, None
    assert first is not None
    statedir, house.statedir = house.statedir, house.root / "another"
    house.statedir.mkdir(mode=0o700)
    said = refused(house)
    assert f"another broker uses the run directory {house.rundir}" in said
    assert str(first.pid) in said
    house.broker, house.statedir = first, statedir
    with house.attached("x"):
        house.write()
        outcome = house.reload()
        assert (outcome["result"], outcome["asked"]) == ("committed", 1)


def test_a_run_directory_is_free_again_after_a_kill(house: House) -> None:
    house.start()
    assert house.broker is not None
    house.broker.kill()
    house.wait_dead()
    house.start()
    assert house.generation == 1


@pytest.mark.parametrize("which", ["rundir", "statedir"])
def test_a_directory_that_others_may_write_in(house: House, which: str) -> None:
    path: Path = getattr(house, which)
    path.chmod(0o777)
    said = refused(house)
    assert "others may write" in said
    assert f"chmod go-w {path}" in said
    path.chmod(0o700)
    house.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
@pytest.mark.parametrize("which", ["rundir", "statedir"])
def test_a_directory_of_somebody_else(house: House, which: str) -> None:
    path: Path = getattr(house, which)
    os.chown(path, 65534, 65534)
    assert "belongs to uid 65534" in refused(house)


@pytest.mark.parametrize(
    ("which", "name"),
    [("rundir", "lock"), ("rundir", "modules"), ("rundir", "local"),
     ("statedir", "lock"), ("statedir", "reached"), ("statedir", "ledger.sqlite")],
)  # fmt: skip
def test_a_planted_link(house: House, which: str, name: str) -> None:
    """What it points to is neither written nor spoken to."""
    target = house.root / "target"
    target.write_text("precious")
    link: Path = getattr(house, which) / name
    link.symlink_to(target)
    said = refused(house)
    link.unlink()
    assert "symbolic link" in said
    assert f"`{name}`" in said
    assert target.read_text() == "precious"


@pytest.mark.parametrize("name", ["modules", "local"])
def test_what_is_not_its_own_stays(house: House, name: str) -> None:
    """Somebody has put another socket in the place of the broker's."""
    house.start()
    path = house.rundir / name
    path.unlink()
    with socket.socket(socket.AF_UNIX) as foreign:
        foreign.bind(str(path))
        house.end()
        assert path.exists()


def test_its_own_sockets_go(house: House) -> None:
    house.start()
    house.end()
    assert sorted(entry.name for entry in house.rundir.iterdir()) == ["lock"]
