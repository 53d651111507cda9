# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which tests a mutant has to pass to survive: a ladder of commands, the quickest first."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import NamedTuple

SEEDS = 200
"""Of the simulation."""
MEMORY = 4 << 30
"""Bytes; a mutant that eats more dies of it."""
PATIENCE = 10
"""Seconds on the wall for each of work: other processes must not make it look as if it hung."""
NEAREST = "nearest"
TOO_LONG = "more than its time"


class Rung(NamedTuple):
    """One command; a status that is not 0 has noticed the mutant."""

    name: str
    arguments: tuple[str, ...]


def _tests(name: str, *paths: str) -> Rung:
    return Rung(name, ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *paths))


STORIES = "tests/stories"
MACHINES = _tests("machines", STORIES, "tests/unit/coordinator/core", "tests/unit/participant/core")
PROTOCOL = _tests("protocol", "tests/unit/protocol")
LEDGER = _tests("ledger", "tests/unit/coordinator/ledger")
EXECUTOR = _tests("executor", "tests/unit/coordinator/test_executor.py")
_EXPLORED = "tests/exploration/test_exploration.py"
_WORLD = "test_a_small_world_is_exhausted"
EXPLORATION = _tests(
    "exploration",
    *(f"{_EXPLORED}::{_WORLD}[{name}]" for name in (
        "a join", "a death", "trial and no", "trial and confirmation", "rollback",
        "fails, taken back", "dies in commit", "module load", "module remove at once",
        "module configure",
    )),
)  # fmt: skip
SIMULATION = Rung("simulation", ("-m", "tests.simulation", "--seeds", str(SEEDS), "--jobs", "1"))
WORLDS = _tests("all small worlds", _EXPLORED)
SQLITE = Rung(
    "simulation on disk", (*SIMULATION.arguments[:2], "--seeds", "20", "--jobs", "1", "--sqlite")
)
COORDINATOR = _tests(
    "coordinator", "tests/unit/coordinator", "tests/documents/test_diagrams_and_links.py",
    "tests/documents/test_json_page.py", "tests/documents/test_socket_page.py",
    "--ignore=tests/unit/coordinator/core", "--ignore=tests/unit/coordinator/ledger",
)  # fmt: skip
PARTICIPANT = _tests(
    "participant", "tests/unit/participant", "tests/unit/cli", "tests/conformance",
    "tests/documents/test_wire_page.py",
)  # fmt: skip
UNITS = (MACHINES, PROTOCOL, LEDGER, EXECUTOR)
EVERY = (*UNITS, EXPLORATION, SIMULATION, SQLITE, WORLDS, COORDINATOR, PARTICIPANT)


def ladder(tree: Path, path: str, rungs: tuple[Rung, ...] = EVERY) -> tuple[Rung, ...]:
    """For a mutant in this file: what is written about it first, then those of `rungs` that fit."""
    return (*_nearest(tree, path), *(rung for rung in _rest(path) if rung in rungs))


def _nearest(tree: Path, path: str) -> tuple[Rung, ...]:
    """The unit tests that bear the file's name, and of a machine the stories."""
    folder = tree / "tests" / "unit" / Path(path).parts[0]
    tests = sorted(folder.rglob(f"test_{Path(path).stem}.py"))
    named = [test.relative_to(tree).as_posix() for test in tests]
    stories = [STORIES] if _is_a_machine(path) else []
    return (_tests(NEAREST, *named, *stories),) if named or stories else ()


def _rest(path: str) -> tuple[Rung, ...]:
    if path.startswith("protocol/"):
        return PROTOCOL, MACHINES, LEDGER, SIMULATION, COORDINATOR, PARTICIPANT
    if path.startswith("coordinator/ledger/"):
        return LEDGER, EXECUTOR, SQLITE, COORDINATOR
    if path == "coordinator/executor.py":
        return EXPLORATION, SIMULATION, WORLDS, COORDINATOR
    if path.startswith("participant/"):
        return MACHINES, EXPLORATION, SIMULATION, WORLDS, PARTICIPANT
    return MACHINES, LEDGER, EXECUTOR, EXPLORATION, SIMULATION, WORLDS, COORDINATOR


def _is_a_machine(path: str) -> bool:
    return path.startswith(("coordinator/core/", "participant/core/"))


class Outcome(NamedTuple):
    """What became of a rung; `passed` is the mutant's luck."""

    passed: bool
    seconds: float
    words: str
    """Which test failed, or that it took too long."""


def climb(tree: Path, rung: Rung, limit: float) -> Outcome:
    """Run this rung in `tree`; `limit` is the most that it may work, in seconds."""
    begin = monotonic()
    process = subprocess.Popen(
        [sys.executable, *rung.arguments],
        cwd=tree,
        env=_environment(tree),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.prlimit(process.pid, resource.RLIMIT_CPU, (int(limit), int(limit) + 5))
    try:
        output, _ = process.communicate(timeout=PATIENCE * limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Outcome(False, monotonic() - begin, TOO_LONG)
    too_long = process.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
    words = TOO_LONG if too_long else _failure(output)
    return Outcome(process.returncode == 0, monotonic() - begin, words)


def _environment(tree: Path) -> dict[str, str]:
    """Of the tests: a golden answer that they would write anew (`REWRITE_STORIES`) never fails."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REWRITE_")}
    return {
        **kept, "PYTHONPATH": str(tree), "PYTHONPYCACHEPREFIX": f"{tree}.pyc",
        "PYTHONDONTWRITEBYTECODE": "",  # or all of it is compiled anew for each mutant
        "QUICK": "1", "UNSHRUNK": "1", "PYTHONHASHSEED": "0",
    }  # fmt: skip


def _failure(output: str) -> str:
    lines = output.strip().splitlines()
    named = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return (named or lines or [""])[-1 if not named else 0][:200]
