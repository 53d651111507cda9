# SPDX-License-Identifier: LGPL-3.0-or-later
"""What authors import from `participant`: the three lists agree, and type checkers know them."""

import subprocess
import sys
from pathlib import Path

import participant

ROOT = Path(__file__).parents[3]


def mypy(directory: Path, line: str) -> str:
    file = directory / "author.py"
    file.write_text(f"{line}\n")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", str(file),
         f"--cache-dir={directory / 'cache'}"],
        cwd=ROOT, capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    return done.stdout


def test_every_name_is_there() -> None:
    assert sorted(participant._HOMES) == sorted(participant.__all__)
    for name in participant.__all__:
        assert getattr(participant, name).__name__ == name or name in ALIASES


ALIASES = {"FSD", "ByteSize", "Hostlist", "IdSet", "PathText"}
"""Annotated types, which have no name of their own."""


def test_a_type_checker_knows_the_names(tmp_path: Path) -> None:
    names = ", ".join(participant.__all__)
    assert "Success" in mypy(tmp_path, f"from participant import {names}")
    assert '"Nonsense"' in mypy(tmp_path, "from participant import Nonsense")
