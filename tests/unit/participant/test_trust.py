# SPDX-License-Identifier: LGPL-3.0-or-later
"""A symbolic link is no way around the check of who could have written what is run."""

import os
from pathlib import Path

import pytest

from participant.loader import Unloadable, load

PUMP = """\
from participant import Module


class Pump(Module):
    table = "pump"
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A directory that only its owner can write to."""
    directory = tmp_path / "own"
    directory.mkdir(mode=0o755)
    return directory


@pytest.fixture
def open_to_all(tmp_path: Path) -> Path:
    """A directory that everybody can write to."""
    directory = tmp_path / "open"
    directory.mkdir()
    directory.chmod(0o777)
    return directory


def refused(path: Path, where: Path) -> None:
    with pytest.raises(Unloadable) as fault:
        load(str(path))
    assert f"{where} can be written by everybody" in str(fault.value)


def test_a_link_to_a_file_that_others_can_replace(own: Path, open_to_all: Path) -> None:
    (open_to_all / "bad.py").write_text("raise SystemExit('it ran')\n")
    (own / "link.py").symlink_to("../open/bad.py")
    refused(own / "link.py", open_to_all)


def test_a_helper_that_is_such_a_link(own: Path, open_to_all: Path) -> None:
    (open_to_all / "bad.py").write_text("raise SystemExit('it ran')\n")
    (own / "helper.py").symlink_to("../open/bad.py")
    (own / "pump.py").write_text(f"import helper\n{PUMP}")
    refused(own / "pump.py", open_to_all)


def test_a_link_that_others_can_replace_on_the_way(own: Path, open_to_all: Path) -> None:
    (own / "pump.py").write_text(PUMP)
    (open_to_all / "way").symlink_to(own)
    refused(open_to_all / "way" / "pump.py", open_to_all)
    (own / "far.py").symlink_to("../open/way/pump.py")
    refused(own / "far.py", open_to_all)


def test_links_among_ones_own_are_followed(own: Path, tmp_path: Path) -> None:
    (own / "pump.py").write_text(PUMP)
    (tmp_path / "way").symlink_to("own")
    (own / "near.py").symlink_to("../way/./pump.py")
    assert load(str(tmp_path / "way" / "near.py")).table == "pump"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_who_owns_a_module_is_trusted_and_who_owns_what_is_above_is_not(own: Path) -> None:
    """The one was named; the other could put anything there."""
    pump = own / "pump.py"
    pump.write_text(PUMP)
    os.chown(pump, 65534, -1)
    assert load(str(pump)).table == "pump"
    os.chown(own, 65533, -1)
    with pytest.raises(Unloadable) as fault:
        load(str(pump))
    assert f"{own} belongs to uid 65533" in str(fault.value)
    assert "have it belong to root" in str(fault.value)
