# SPDX-License-Identifier: LGPL-3.0-or-later
"""Whose code runs: not that of whoever put a file where somebody stands, and the author's own.

Every planted file leaves a mark when it is run; real commands, a real broker, real modules.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PLANTED = ("pydantic", "protocol", "participant", "coordinator", "json", "zmq", "msgpack",
           "tomllib", "structlog", "resource", "queue", "tree_sitter", "logging")  # fmt: skip

PUMP = '''
from helper import TABLE
from participant import Field, Module


class Pump(Module):
    """Keeps the cellar dry."""

    table = TABLE

    class Config(Module.Config):
        strokes: int = Field(3)
'''


def plant(directory: Path) -> Path:
    """Put files into `directory` that tell when they are run; the file they tell it in."""
    marks = directory / "marks"
    marks.touch()
    for name in PLANTED:
        (directory / f"{name}.py").write_text(
            f"import sys\nwith open({str(marks)!r}, 'a') as f:\n    f.write({name!r} + ' ')\n"
            f"raise ImportError('planted: ' + __file__)\n"
        )
    return marks


def author(directory: Path, table: str = "pump") -> Path:
    """A module of two files; the path of the first."""
    directory.mkdir(exist_ok=True)
    (directory / "helper.py").write_text(f"TABLE = {table!r}\n")
    (directory / f"{table}.py").write_text(PUMP)
    return directory / f"{table}.py"


def flux(
    *arguments: str, cwd: Path, path: str = str(ROOT), safely: bool = False
) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FLUX_")}
    return subprocess.run(
        [sys.executable, *(["-P"] if safely else []), "-m", "cli.main", *arguments],
        cwd=cwd,
        env={**environment, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
    )


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Where somebody stands, and somebody else has left files."""
    directory = tmp_path / "here"
    directory.mkdir()
    return directory


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A file that is merged in a process of its own, for its length."""
    file = tmp_path / "long.toml"
    file.write_text("[long]\n" + "\n".join(f"k{n} = 'some text or other'" for n in range(4000)))
    return file


@pytest.mark.parametrize(
    ("path", "safely"),
    [
        pytest.param(str(ROOT), False, id="python -m"),
        pytest.param(f"{ROOT}:", True, id="an empty entry in PYTHONPATH"),
        pytest.param(f".:{ROOT}", True, id="a relative entry in PYTHONPATH"),
    ],
)
def test_nothing_from_the_current_directory_runs(
    here: Path, long: Path, path: str, safely: bool
) -> None:
    marks = plant(here)
    started = flux(
        "start", "-c", str(long), "sh", "-c",
        f"cd / && {sys.executable} -m cli.main module list -l",
        cwd=here, path=path if safely else str(ROOT), safely=safely,
    )  # fmt: skip
    assert marks.read_text() == "", started.stderr
    assert started.returncode == 0, started.stderr
    assert "heartbeat" in started.stdout


def test_two_files_of_an_author_find_each_other(tmp_path: Path, here: Path) -> None:
    pump = author(here)
    marks = plant(here)
    files = tmp_path / "conf.toml"
    files.write_text("[pump]\nstrokes = 5\n")
    told = flux("modinfo", "pump.py", cwd=here)
    assert "strokes: integer, default 3" in told.stdout, told.stderr
    valid = flux("config", "validate", "--strict", "--module", "./pump.py", str(files), cwd=here)
    assert valid.returncode == 0, valid.stderr
    get = f"{sys.executable} -m cli.main module"
    loaded = flux(
        "start", "-c", str(files), "-S", "broker.rc1_path=", "sh", "-c",
        f"cd / && {get} load {pump} && {get} config get pump strokes",
        cwd=here,
    )  # fmt: skip
    assert loaded.stdout.splitlines()[-1:] == ["5"], loaded.stderr
    assert marks.read_text() == ""


def test_two_authors_have_a_helper_each(tmp_path: Path) -> None:
    one, other = author(tmp_path / "one", "pump"), author(tmp_path / "other", "tank")
    files = tmp_path / "conf.toml"
    files.write_text("[pump]\nstrokes = 5\n[tank]\nstrokes = 'x'\n")
    done = flux("config", "validate", "--module", str(one), "--module", str(other), str(files),
                cwd=tmp_path)  # fmt: skip
    assert "tank: tank.strokes: must be an integer" in done.stderr
    assert done.returncode == 1


def refusals(pump: Path, cwd: Path) -> list[str]:
    """What modinfo, validate and load say to a module that they must not run."""
    files = cwd / "empty.toml"
    files.touch()
    commands = (
        ("modinfo", str(pump)),
        ("config", "validate", "--module", str(pump), str(files)),
        ("start", "-S", "broker.rc1_path=", sys.executable, "-m", "cli.main", "module", "load",
         str(pump)),
    )  # fmt: skip
    said = []
    for command in commands:
        done = flux(*command, cwd=cwd)
        assert done.returncode == 1, (command, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        said.append(done.stderr)
    return said


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_a_directory_that_everybody_can_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    pump = author(tmp_path / "open")
    pump.parent.chmod(mode)
    for said in refusals(pump, tmp_path):
        assert f"{pump.parent} can be written by everybody" in said
        assert f"chmod o-w {pump.parent}" in said


@pytest.mark.parametrize("name", ["pump.py", "helper.py"])
def test_a_file_that_everybody_can_write_to_is_refused(tmp_path: Path, name: str) -> None:
    pump = author(tmp_path / "open")
    (pump.parent / name).chmod(0o666)
    for said in refusals(pump, tmp_path):
        assert f"{pump.parent / name} can be written by everybody" in said


def test_compiled_files_that_everybody_can_write_are_refused(tmp_path: Path) -> None:
    pump = author(tmp_path / "open")
    (pump.parent / "__pycache__").mkdir()
    (pump.parent / "__pycache__").chmod(0o777)
    assert all("__pycache__ can be written by everybody" in said
               for said in refusals(pump, tmp_path))  # fmt: skip


def test_a_directory_that_can_be_replaced_is_refused(tmp_path: Path) -> None:
    above = tmp_path / "above"
    above.mkdir()
    pump = author(above / "open")
    above.chmod(0o777)
    assert all("can be replaced in it" in said for said in refusals(pump, tmp_path))
    above.chmod(0o1777)  # as /tmp
    assert flux("modinfo", str(pump), cwd=tmp_path).returncode == 0


def test_a_group_may_write_only_where_it_is_the_owner_alone(tmp_path: Path) -> None:
    pump = author(tmp_path / "group")
    try:
        os.chown(pump.parent, -1, 12)
    except PermissionError:
        pytest.skip("only root can give a directory to another group")
    pump.parent.chmod(0o775)
    assert "can be written by the group" in flux("modinfo", str(pump), cwd=tmp_path).stderr
    os.chown(pump.parent, -1, os.getgid())
    assert flux("modinfo", str(pump), cwd=tmp_path).returncode == 0
