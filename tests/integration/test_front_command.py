# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux` of this distribution beside another one, which a script plays here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.client_calls import ROOT
from tests.support.patience import AT_ONCE, PATIENCE

REAL = "local:///nowhere/flux-AbCdEf/local-0"
ODD = ["jobs", "", "a b", "*", "--", "-x", "é\n"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """`ours/flux` and `ours/flux-accord` as pip writes them, and `real/flux`, which tells."""
    script(tmp_path / "ours" / "flux", entry("front"))
    script(tmp_path / "ours" / "flux-accord", entry("main"))
    script(
        tmp_path / "real" / "flux",
        f"#!{sys.executable} -I\nimport json, os, sys\n"
        "print(json.dumps([sys.argv[1:], dict(os.environ)]))\nsys.exit(42)\n",
    )
    return tmp_path


def entry(function: str) -> str:
    return (
        f"#!{sys.executable}\nimport sys\nfrom cli.main import {function}\nsys.exit({function}())\n"
    )


def script(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)


def run(
    place: Path, command: str, *arguments: str, path: str = "ours:real", seconds: float = PATIENCE,
    **environment: str,
) -> "subprocess.CompletedProcess[str]":  # fmt: skip
    directories = ":".join(str(place / name) for name in path.split(":"))
    given = {"PATH": f"{directories}:/usr/bin:/bin", "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([place / command, *arguments], env=given, text=True, cwd=place,
                          capture_output=True, timeout=seconds)  # fmt: skip


def told(done: "subprocess.CompletedProcess[str]") -> tuple[list[str], dict[str, str]]:
    """What the other one was given."""
    assert done.returncode == 42, done.stdout + done.stderr
    arguments, environment = json.loads(done.stdout)
    return arguments, environment


def test_arguments_and_environment_go_over_untouched(place: Path) -> None:
    arguments, environment = told(run(place, "ours/flux", *ODD, FLUX_URI=REAL, MORE="x y"))
    assert arguments == ODD
    given = {"PATH": f"{place}/ours:{place}/real:/usr/bin:/bin", "PYTHONPATH": str(ROOT),
             "FLUX_URI": REAL, "MORE": "x y"}  # fmt: skip
    assert {name: environment.get(name) for name in given} == given
    assert set(environment) - set(given) <= {"LC_CTYPE", "PWD", "SHLVL", "_", "OLDPWD"}


def test_nothing_of_python_is_inherited(place: Path) -> None:
    """Neither the signals that it ignores nor the locale that it sets for itself."""
    script(place / "real" / "flux", "#!/bin/sh\nenv\ngrep SigIgn /proc/self/status\n")
    command: list[Path | str] = [place / "ours" / "flux", "jobs"]
    path = f"{place}/ours:{place}/real:/usr/bin:/bin"
    environment = {"PATH": path, "PYTHONPATH": str(ROOT), "LC_ALL": "", "LANG": "C"}
    found = [
        subprocess.run(
            called, env=environment, text=True, capture_output=True, timeout=PATIENCE
        ).stdout.replace(f"_={called[0]}\n", "")
        for called in (command, [place / "real" / "flux", *command[1:]])
    ]
    assert "SigIgn" in found[0]
    assert found[0] == found[1]


def test_what_belongs_to_a_broker_of_its_own_goes_over(place: Path) -> None:
    line = ["config", "get", "heartbeat.period"]
    assert told(run(place, "ours/flux", *line, FLUX_URI=REAL))[0] == line
    assert told(run(place, "ours/flux", "start", "true", FLUX_URI=REAL))[0] == ["start", "true"]


def test_ours_stays_ours(place: Path) -> None:
    (place / "conf.d").mkdir()
    for uri in ("", REAL):
        done = run(place, "ours/flux", "config", "validate", "conf.d", FLUX_URI=uri)
        assert (done.returncode, done.stdout[:6]) == (0, "valid:"), done.stderr
    inside = run(place, "ours/flux", "start", "-S", "broker.rc1_path=", str(place / "ours/flux"),
                 "config", "get")  # fmt: skip
    assert (inside.returncode, inside.stdout.strip()) == (0, "{}"), inside.stderr


def test_in_a_broker_of_ours_the_other_still_gets_what_ours_does_not_know(place: Path) -> None:
    done = run(place, "ours/flux", "start", "-S", "broker.rc1_path=", str(place / "ours/flux"),
               "jobs")  # fmt: skip
    assert told(done)[0] == ["jobs"]


def test_accord_is_ours_and_flux_accord_never_hands_over(place: Path) -> None:
    for command in (["ours/flux", "accord"], ["ours/flux-accord"]):
        done = run(place, *command, "jobs", FLUX_URI=REAL)
        assert (done.returncode, done.stdout) == (1, "")
        done = run(place, *command, "config", "get", FLUX_URI=REAL)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"cannot reach the broker at {REAL}" in done.stderr


def test_help_inside_says_accord(place: Path) -> None:
    done = run(place, "ours/flux", "config", "rollback", "--help", FLUX_URI=REAL)
    assert "usage: flux accord config rollback" in done.stdout
    assert "`flux accord config history`" in done.stdout
    assert "flux config" not in done.stdout
    done = run(place, "ours/flux", "config", "rollback", "--help")
    assert "`flux config history`" in done.stdout


def test_without_another_one_all_is_as_before(place: Path) -> None:
    done = run(place, "ours/flux", "jobs", path="ours")
    assert (done.returncode, done.stderr) == (
        1,
        "flux: `jobs' is not a flux command. See 'flux help'\n",
    )
    done = run(place, "ours/flux", "config", "get", path="ours")
    assert "FLUX_URI is not set" in done.stderr


def test_two_of_ours_do_not_play_ball(place: Path) -> None:
    """Another environment's, a link to it, and a script that calls it."""
    script(place / "other" / "flux", entry("front"))
    (place / "link").mkdir()
    (place / "link" / "flux").symlink_to(place / "ours" / "flux")
    script(place / "shell" / "flux", f'#!/bin/sh\nexec {place}/ours/flux "$@"\n')
    for command in ("ours/flux", "other/flux", "link/flux", "shell/flux"):
        done = run(place, command, "jobs", path="shell:other:link:ours", seconds=AT_ONCE)
        assert done.returncode == 1, done.stdout
        assert told(run(place, command, "jobs", path="shell:other:link:ours:real"))[0] == ["jobs"]


def test_one_that_cannot_be_run_is_told(place: Path) -> None:
    script(place / "real" / "flux", "#!/nowhere/interpreter\n")
    done = run(place, "ours/flux", "jobs")
    assert done.returncode == 126
    assert done.stderr == f"flux: {place}/real/flux: No such file or directory\n"


def test_help_names_the_other_one(place: Path) -> None:
    assert f"go to {os.path.join(place, 'real', 'flux')}." in run(place, "ours/flux", "help").stdout
    assert "go to" not in run(place, "ours/flux", "help", path="ours").stdout
