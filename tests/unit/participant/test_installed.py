# SPDX-License-Identifier: LGPL-3.0-or-later
"""Modules that installed packages bring."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from participant.installed import InstalledModule, installed
from participant.loader import NotFound, Unloadable, load, loadable, resolve

MODULE = '''
from participant import Module

class Cooler(Module):
    """Cools."""
    table = "cooler"

class Other(Module):
    """Something else."""
    table = "other"

helper = 7
'''


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory on sys.path with a package that brings modules."""
    (tmp_path / "cooler_package.py").write_text(MODULE)
    install(tmp_path, "cooler-package", "cooler = cooler_package:Cooler\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("cooler_package", None)


def install(site: Path, name: str, points: str) -> None:
    metadata = site / f"{name.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    text = f"[console_scripts]\nx = y:z\n[flux_accord.modules]\n{points}"
    (metadata / "entry_points.txt").write_text(text)


def test_what_a_package_brings_is_found_and_loaded(site: Path) -> None:
    assert installed([str(site)]) == [
        InstalledModule("cooler", "cooler_package:Cooler", "cooler-package")
    ]
    assert resolve("cooler", "") == "cooler_package:Cooler"
    assert resolve("cooler_package:Cooler", "") == "cooler_package:Cooler"
    assert load("cooler_package:Cooler").purpose() == "Cools."
    assert {"name": "cooler", "path": "cooler_package:Cooler",
            "purpose": "of the package cooler-package"} in loadable()  # fmt: skip


def test_nothing_of_a_package_is_imported_to_list_it(site: Path) -> None:
    (site / "cooler_package.py").write_text("raise SystemExit")
    assert installed()
    assert "cooler_package" not in sys.modules


def test_only_what_a_package_says_can_be_named(site: Path) -> None:
    with pytest.raises(NotFound, match="no such module"):
        resolve("cooler_package:Other", "")


@pytest.mark.parametrize(
    ("located", "told"),
    [
        ("cooler_package:Nobody", "there is no Nobody in cooler_package"),
        ("cooler_package:helper", "is no class derived from participant.Module"),
        ("cooler_package:", "defines 2 classes"),
        ("no_such_package:X", "importing it raised ModuleNotFoundError"),
    ],
)
def test_what_is_no_module_is_told(site: Path, located: str, told: str) -> None:
    with pytest.raises(Unloadable, match=told):
        load(located)


def test_of_two_versions_on_the_path_the_first_counts(site: Path, tmp_path: Path) -> None:
    later = tmp_path / "later"
    later.mkdir()
    install(later, "cooler-package", "old = cooler_package:Old\n")
    install(later, "other", "cooler = other:Cooler\nwhole = other\n")
    assert installed([str(site), str(later), str(site / "nowhere")]) == [
        InstalledModule("cooler", "cooler_package:Cooler", "cooler-package"),
        InstalledModule("cooler", "other:Cooler", "other"),
        InstalledModule("whole", "other:", "other"),
    ]
