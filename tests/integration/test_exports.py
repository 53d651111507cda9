# SPDX-License-Identifier: LGPL-3.0-or-later
"""A type checker knows the names that authors import from `participant`, and no others."""

import subprocess
import sys
from pathlib import Path

import participant
from tests.support.client_calls import ROOT
from tests.support.patience import PATIENCE


def mypy(directory: Path, line: str) -> str:
    """What mypy --strict says of a file with this line."""
    file = directory / "author.py"
    file.write_text(f"{line}\n")
    cache = f"--cache-dir={directory / 'cache'}"
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", str(file), cache],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return done.stdout


def test_a_type_checker_knows_the_names(tmp_path: Path) -> None:
    names = ", ".join(participant.__all__)
    assert "Success" in mypy(tmp_path, f"from participant import {names}")
    assert '"Nonsense"' in mypy(tmp_path, "from participant import Nonsense")
