# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which tests a mutant has to pass to survive: a ladder of commands, the quickest first."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import NamedTuple

SEEDS = 200
"""Of the simulation."""
MEMORY = 4 << 30
"""Bytes; a mutant that eats more dies of it."""


class Rung(NamedTuple):
    """One command; a status that is not 0 has noticed the mutant."""

    name: str
    arguments: tuple[str, ...]


def _tests(name: str, *paths: str) -> Rung:
    return Rung(name, ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *paths))


MACHINES = _tests(
    "machines", "tests/stories", "tests/unit/coordinator/core", "tests/unit/participant/core"
)
PROTOCOL = _tests("protocol", "tests/unit/protocol")
LEDGER = _tests("ledger", "tests/unit/coordinator/ledger")
EXECUTOR = _tests("executor", "tests/unit/coordinator/test_executor.py")
SIMULATION = Rung("simulation", ("-m", "tests.simulation", "--seeds", str(SEEDS), "--jobs", "1"))
COORDINATOR = _tests(
    "coordinator", "tests/unit/coordinator", "tests/documents/test_diagrams_and_links.py",
    "--ignore=tests/unit/coordinator/core", "--ignore=tests/unit/coordinator/ledger",
)  # fmt: skip
PARTICIPANT = _tests("participant", "tests/unit/participant", "tests/unit/cli")
EVERY = (MACHINES, PROTOCOL, LEDGER, EXECUTOR, SIMULATION, COORDINATOR, PARTICIPANT)


def ladder(path: str) -> tuple[Rung, ...]:
    """For a mutant in this file."""
    if path.startswith("protocol/"):
        return PROTOCOL, MACHINES, SIMULATION, LEDGER, COORDINATOR, PARTICIPANT
    if path.startswith("coordinator/ledger/"):
        return LEDGER, SIMULATION, COORDINATOR
    if path == "coordinator/executor.py":
        return EXECUTOR, SIMULATION, COORDINATOR
    if path.startswith("participant/"):
        return MACHINES, SIMULATION, PARTICIPANT
    return MACHINES, SIMULATION, COORDINATOR


class Outcome(NamedTuple):
    """What became of a rung; `passed` is the mutant's luck."""

    passed: bool
    seconds: float
    words: str
    """Which test failed, or that it took too long."""


def climb(tree: Path, rung: Rung, limit: float) -> Outcome:
    """Run this rung in `tree`, for at most `limit` seconds."""
    begin = monotonic()
    process = subprocess.Popen(
        [sys.executable, *rung.arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "PYTHONPYCACHEPREFIX": f"{tree}.pyc",
             "QUICK": "1", "UNSHRUNK": "1",
             "PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )  # fmt: skip
    resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return Outcome(False, monotonic() - begin, "more than its time")
    return Outcome(process.returncode == 0, monotonic() - begin, _failure(output))


def _failure(output: str) -> str:
    lines = output.strip().splitlines()
    named = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return (named or lines or [""])[-1 if not named else 0][:200]
