# SPDX-License-Identifier: LGPL-3.0-or-later
"""The rooms of the tree are guarded, and each guard is seen to work."""

import ast
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import participant
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]
PRODUCTION = ("protocol", "ownership", "fluxcore", "coordinator", "participant", "cli")
LINES = 500
PURE = ("protocol", "coordinator/core", "participant/core")


def sources(*folders: str) -> list[Path]:
    """The Python files of these folders."""
    return [file for name in folders for file in sorted((ROOT / name).rglob("*.py"))]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the production code."""
    root = tmp_path_factory.mktemp("tree")
    for name in PRODUCTION:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def lint_imports(tree: Path) -> "subprocess.CompletedProcess[str]":
    """What the linter of imports says of a tree."""
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run([sys.executable, "-c", program, "--no-cache"], cwd=tree, text=True,
                          env={**os.environ, "PYTHONPATH": str(tree)}, capture_output=True,
                          timeout=PATIENCE)  # fmt: skip


def test_the_arrows_of_a_copy_are_kept(tree: Path) -> None:
    done = lint_imports(tree)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("room", PURE)
def test_a_new_file_in_a_pure_room_is_guarded_unlisted(tree: Path, room: str) -> None:
    file = tree / room / "new_idea.py"
    file.write_text("import socket\n\nNAME = socket.gethostname()\n")
    try:
        done = lint_imports(tree)
    finally:
        file.unlink()
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{room.replace('/', '.')}.new_idea -> socket" in done.stdout


def test_no_file_is_too_long() -> None:
    files = sources(*PRODUCTION, "tests", "examples")
    long = [file for file in files if len(file.read_text().splitlines()) > LINES]
    assert long == []


def test_no_class_has_two_homes() -> None:
    names = Counter(node.name for file in sources(*PRODUCTION)
                    for node in ast.parse(file.read_text()).body
                    if isinstance(node, ast.ClassDef))  # fmt: skip
    assert len(names) > 100
    assert [name for name, count in names.items() if count > 1] == []


def test_what_authors_import_is_named_three_times_alike() -> None:
    """For users, for who looks a name up when it is used, and for type checkers."""
    body = ast.parse(Path(participant.__file__).read_text()).body
    typed = next(node for node in body if isinstance(node, ast.If))
    checked = {name.name: f"{node.module}" for node in typed.body
               if isinstance(node, ast.ImportFrom) for name in node.names}  # fmt: skip
    assert checked == participant._HOMES
    assert set(participant.__all__) == set(checked)
    for name in participant.__all__:
        assert getattr(participant, name) is not None
