# SPDX-License-Identifier: LGPL-3.0-or-later
"""docs/modules.md is run: its module, its test, and both of its sessions."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "modules.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SESSIONS = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with the files of the page, and a `flux` to call."""
    (tmp_path / "pump.py").write_text(PYTHON[0])
    (tmp_path / "test_pump.py").write_text(PYTHON[1])
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "pump.toml").write_text('[pump]\npace = "5s"\n')
    (tmp_path / "bin").mkdir()
    flux = tmp_path / "bin" / "flux"
    flux.write_text(f'#!/bin/sh\nexec {sys.executable} -m cli.main "$@"\n')
    flux.chmod(0o755)
    return tmp_path


def run(place: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    kept = {key: value for key, value in os.environ.items() if not key.startswith("FLUX_")}
    path = f"{place / 'bin'}:{kept['PATH']}"
    given = {**kept, "PATH": path, "PYTHONPATH": f"{ROOT}:{place}"}
    return subprocess.run(
        command, cwd=place, env=given, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def as_session(session: str, printed: str) -> str:
    """What was printed by `script`, with the commands between, and times and places evened out."""
    commands = [line for line in session.splitlines() if line.startswith("$ ")]
    answers = printed.split("--\n")[1:]
    assert len(answers) == len(commands), printed
    return "".join(f"{one}\n{two}" for one, two in zip(commands, answers, strict=True))


def script(session: str) -> str:
    lines = [line[2:] for line in session.splitlines() if line.startswith("$ ")]
    return "\n".join(f"echo --\n{line}" for line in lines)


def evened(text: str, place: Path) -> str:
    text = text.replace(f"{place}/", "").replace(f"uid {os.getuid()}", "uid 1000")
    return re.sub(r"[0-9.]+ ms", "12.3 ms", text)


def test_the_module_is_fifteen_lines() -> None:
    body = PYTHON[0].partition("class Pump")[2]
    assert len([line for line in f"class Pump{body}".splitlines() if line.strip()]) <= 15


def test_its_test_passes(place: Path) -> None:
    done = run(
        place, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_pump.py"
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_its_test_can_fail(place: Path) -> None:
    (place / "pump.py").write_text(PYTHON[0].replace("new.strokes > 10", "new.strokes > 99"))
    done = run(
        place, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_pump.py"
    )
    assert done.returncode == 1, done.stdout


@pytest.mark.parametrize("plugin", ["", "plugins = pydantic.mypy"])
def test_it_is_well_typed(place: Path, plugin: str) -> None:
    (place / "mypy.ini").write_text(f"[mypy]\nstrict = true\n{plugin}\n")
    wrong = PYTHON[0].replace("new.pace < 1", "new.pace < '1'")
    (place / "wrong.py").write_text(wrong)
    (place / "pump.py").write_text(PYTHON[0])
    checked = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini",
               f"--cache-dir={place.parent / 'mypy'}"]  # fmt: skip
    good = run(place, *checked, "pump.py", "test_pump.py")
    assert good.returncode == 0, good.stdout
    bad = run(place, *checked, "wrong.py")
    assert "Unsupported operand types" in bad.stdout


def test_the_module_that_asks_about_a_start_warns(place: Path) -> None:
    (tank,) = (block for block in PYTHON if "class Tank" in block)
    program = (
        f"{tank}\nfrom participant.testing import Trial\n"
        "trial = Trial(Tank, {'tank': {'map': '/'}})\n"
        "trial.change({'tank': {'map': '/nowhere', 'litres': 2000}})\n"
        "print(*trial.warnings, sep='\\n')\n"
    )
    done = run(place, sys.executable, "-c", program)
    assert done.stdout.splitlines() == [
        "tank: tank.litres: is more than was ever delivered",
        "tank: tank.map: would be refused at the next start: is not there",
    ]


def test_the_session_without_a_broker(place: Path) -> None:
    done = run(place, "bash", "-c", script(SESSIONS[0]))
    assert as_session(SESSIONS[0], done.stdout) == SESSIONS[0]


def test_the_session_at_a_broker(place: Path) -> None:
    done = run(place, "flux", "start", "-c", "conf.d", "-S", "broker.rc1_path=",
               "bash", "-c", script(SESSIONS[1]))  # fmt: skip
    found = evened(as_session(SESSIONS[1], done.stdout), place)
    assert found == evened(SESSIONS[1], place)
