# SPDX-License-Identifier: LGPL-3.0-or-later
"""A run directory that stays, with a ledger that does not, is said aloud."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.client_calls import FLUX
from tests.support.patience import PATIENCE

_SAID = "the ledger is temporary"


def _run(command: str, *options: str) -> tuple[str, str, dict[str, object]]:
    """The log, `flux config status`, and its JSON, of a broker with these options."""
    flux = " ".join(FLUX)
    script = f"{flux} config status --json; {flux} config status"
    done = subprocess.run(
        [*FLUX, command, "-S", "broker.rc1_path=", *options, "sh", "-ec", script],
        capture_output=True, text=True, timeout=PATIENCE, check=True,
    )  # fmt: skip
    first, _, rest = done.stdout.partition("\n")
    return done.stderr, rest, json.loads(first)


@pytest.mark.parametrize("command", ["start", "broker"])
def test_a_lasting_run_directory_without_a_state_directory(command: str, tmp_path: Path) -> None:
    log, status, shown = _run(command, "-S", f"rundir={tmp_path}/run")
    assert _SAID in log
    assert "-S statedir=DIR" in log
    assert _SAID in status
    assert shown["temporary"] is True


@pytest.mark.parametrize("given", [(), ("rundir", "statedir"), ("statedir",)])
def test_nothing_is_said_where_both_stay_or_both_go(given: tuple[str, ...], tmp_path: Path) -> None:
    options = [option for name in given for option in ("-S", f"{name}={tmp_path}/{name}")]
    log, status, shown = _run("start", *options)
    assert _SAID not in log + status
    assert "temporary" not in shown
