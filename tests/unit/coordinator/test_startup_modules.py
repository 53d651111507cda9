# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which modules come up with a broker, in which order, and whose word counts."""

import os
from pathlib import Path

import pytest

from coordinator.core.requests import Spec
from coordinator.files.reading import Unreadable
from coordinator.startup_modules import Package, startup_modules

BUNDLED = ("kvs", "heartbeat")


def found(typed: str) -> str:
    """Any file that is named is there; of names `kvs` alone."""
    if "/" in typed or typed == "kvs":
        return typed
    raise LookupError(f"{typed}: no such module")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "modprobe.d"
    path.mkdir(mode=0o755)
    return path


def write(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.write_text(text)
    path.chmod(0o644)
    return path


def refused(packages: tuple[Package, ...], directory: Path | None) -> str:
    with pytest.raises(Unreadable) as unreadable:
        startup_modules(BUNDLED, packages, str(directory) if directory else None, found)
    (reason,) = unreadable.value.reasons
    return str(reason)


def test_bundled_ones_then_packages_then_the_directory(directory: Path) -> None:
    write(directory, "a.toml", '[[modules]]\nname = "own"\nmodule = "own.py"\nargs = ["x=1"]\n')
    package = Package("cooler", "site.cooler:Cooler", "site")
    assert startup_modules(BUNDLED, (package,), str(directory), found) == (
        ("kvs", Spec("kvs")),
        ("heartbeat", Spec("heartbeat")),
        ("cooler", Spec("site.cooler:Cooler")),
        ("own", Spec(f"{directory}/own.py", (("x", "1"),))),
    )
    assert startup_modules(BUNDLED, (), None, found) == (
        ("kvs", Spec("kvs")),
        ("heartbeat", Spec("heartbeat")),
    )


def test_an_entry_takes_the_place_of_its_namesake(directory: Path) -> None:
    write(directory, "a.toml", '[[modules]]\nname = "kvs"\nargs = ["x=1"]\n')
    modules = startup_modules(BUNDLED, (), str(directory), found)
    assert modules == (("kvs", Spec("kvs", (("x", "1"),))), ("heartbeat", Spec("heartbeat")))


def test_two_that_claim_one_name_are_refused_unless_the_directory_decides(directory: Path) -> None:
    one, other = Package("x", "one:X", "one"), Package("x", "other:X", "other")
    told = refused((one, other), None)
    assert "the packages one and other both bring a module x; uninstall one of them" in told
    told = refused((Package("kvs", "mine:Kvs", "mine"),), None)
    assert "the packages flux-accord and mine both bring a module kvs" in told
    write(directory, "a.toml", '[[modules]]\nname = "x"\nmodule = "/x.py"\n')
    modules = dict(startup_modules(BUNDLED, (one, other), str(directory), found))
    assert modules["x"] == Spec("/x.py")


def test_a_module_that_is_nowhere_is_told_with_its_place(directory: Path) -> None:
    write(directory, "a.toml", '\n[[modules]]\nname = "nowhere"\n')
    assert refused((), directory) == (f"modprobe: nowhere: no such module ({directory}/a.toml:3:1)")


def test_a_directory_that_others_can_write_to_is_not_read(directory: Path) -> None:
    """Who writes there has any code run as the broker's user."""
    path = write(directory, "a.toml", '[[modules]]\nname = "kvs"\n')
    path.chmod(0o666)
    assert f"the file {path} can be written by everybody" in refused((), directory)
    path.chmod(0o644)
    directory.chmod(0o777)
    told = refused((), directory)
    assert f"the module directory {directory} can be written by everybody" in told
    directory.chmod(0o755)
    directory.parent.chmod(0o777)
    told = refused((), directory)
    assert f"{directory.parent} can be written by everybody, and {directory} can be" in told
    directory.parent.chmod(0o700)
    assert startup_modules((), (), str(directory), found)


def test_links_and_what_is_no_directory_are_refused(directory: Path, tmp_path: Path) -> None:
    elsewhere = write(tmp_path, "a.toml", '[[modules]]\nname = "kvs"\n')
    (directory / "a.toml").symlink_to(elsewhere)
    assert "is not a regular file" in refused((), directory)
    assert "is not a directory" in refused((), elsewhere)
    assert "No such file or directory" in refused((), tmp_path / "nothing")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_somebody_else_is_refused(directory: Path) -> None:
    path = write(directory, "a.toml", '[[modules]]\nname = "kvs"\n')
    os.chown(path, 12345, -1)
    assert "belongs to uid 12345, who could have any code run here" in refused((), directory)
