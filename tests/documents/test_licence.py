# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every source file names the licence, and it is the one of the package."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("protocol", "coordinator", "participant", "cli", "tests", "examples")
LINE = "# SPDX-License-Identifier: LGPL-3.0-or-later"


def test_every_file_names_the_licence() -> None:
    files = [file for name in FOLDERS for file in (ROOT / name).rglob("*.py")]
    assert len(files) > 200
    nameless = [file for file in files if LINE not in file.read_text().splitlines()[:2]]
    assert nameless == []


def test_the_package_has_the_same_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == LINE.rpartition(" ")[2]
    assert project["license"] in (ROOT / "LICENSE").read_text()
