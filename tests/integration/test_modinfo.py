# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux modinfo`, without a broker."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from participant.modules import BUNDLED
from tests.support.client_calls import ROOT
from tests.support.patience import PATIENCE


def flux(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    given = {key: value for key, value in os.environ.items() if not key.startswith("FLUX_")}
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        env={**given, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_the_list() -> None:
    done = flux("modinfo")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(BUNDLED)
    assert "Beats at a steady pace" in done.stdout


def test_the_list_knows_the_search_path(tmp_path: Path) -> None:
    (tmp_path / "my_pump.py").write_text("raise SystemExit('never run for a list')\n")
    done = flux("modinfo", "--json", FLUX_MODULE_PATH=str(tmp_path))
    found = json.loads(done.stdout)["modules"]
    assert {"name": "my-pump", "path": f"{tmp_path}/my_pump.py",
            "purpose": f"{tmp_path}/my_pump.py"} in found  # fmt: skip


def test_one_module() -> None:
    done = flux("modinfo", "heartbeat")
    assert done.returncode == 0, done.stderr
    assert 'period: duration, more than 0, default "2s"' in done.stdout
    assert "FLUX_HEARTBEAT_PERIOD" in done.stdout
    schema = json.loads(flux("modinfo", "--json", "heartbeat").stdout)
    assert schema["title"] == "heartbeat"
    assert schema["properties"]["warn_thresh"]["minimum"] == 1
    assert tomllib.loads(flux("modinfo", "--toml", "heartbeat").stdout) == {
        "heartbeat": {"period": "2s", "timeout": "5m", "warn_thresh": 3}
    }


def test_what_cannot_be_described(tmp_path: Path) -> None:
    missing = flux("modinfo", "nothing")
    assert (missing.returncode, "no such module" in missing.stderr) == (1, True)
    broken = tmp_path / "broken.py"
    broken.write_text("def (\n")
    done = flux("modinfo", str(broken))
    assert (done.returncode, f"{broken}:1" in done.stderr) == (1, True)
    assert flux("modinfo", "--json", "--toml", "kvs").returncode == 2
