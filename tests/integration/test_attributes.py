# SPDX-License-Identifier: LGPL-3.0-or-later
"""Attributes of a real broker: what it knows about itself, and what may be set when."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.broker import RunningBroker
from tests.support.client_calls import FLUX
from tests.support.patience import PATIENCE

SHELL = f"{sys.executable} -m cli.main"


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`flux start` without modules."""
    command = [*FLUX, "start", "-S", "broker.rc1_path=", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def within(script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """What a shell script prints inside a broker without modules; `flux` is the command there."""
    return start(*options, "sh", "-ec", f'flux() {{ {SHELL} "$@"; }}\n{script}')


def test_attributes_are_printed_set_and_listed() -> None:
    done = within(
        "flux getattr size; flux getattr test.mine; flux setattr test.mine two\n"
        "flux setattr 'test.my note' 'a b'\n"
        "flux getattr test.mine; flux getattr 'test.my note'; flux lsattr -v | grep note\n"
        "flux getattr log-stderr-level; flux getattr broker.rc2_none",
        "-S", "test.mine=1",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [" ".join(line.split()) for line in done.stdout.splitlines()] == [
        "1", "1", "two", "a b", "test.my note a b", "4", "0",
    ]  # fmt: skip


def test_what_may_not_be_set_is_refused_and_what_is_unknown_is_named() -> None:
    refused = {
        "rundir x": "rundir: attribute may not be updated",
        "rank x": "rank: attribute may not be updated",
        "-- mine x": "mine: unknown attribute",
        "broker.quorum 1": "broker.quorum: an attribute of flux-core that is not here",
        "log-stderr-level 99": "log-stderr-level=99: invalid level",
        "test.big $(head -c 5000 /dev/zero | tr '\\0' x)": "longer than 4096 characters",
        "test.$(head -c 500 /dev/zero | tr '\\0' x) y": "unknown attribute",
    }
    script = "".join(f"flux setattr {words} 2>&1 && echo taken\n" for words in refused)
    done = within(f"set +e\n{script}flux getattr nope 2>&1; true")
    told = [line for line in done.stdout.splitlines() if line.startswith("flux-")]
    for line, expected in zip(told, [*refused.values(), "nope: no such attribute"], strict=True):
        assert expected in line
    assert "taken" not in done.stdout


def test_options_of_the_command_line_are_judged() -> None:
    for option in ("ststedir=/x", "rank=7", "local-uri=local:///x/local-0", "broker.rc3_path=x"):
        done = start("-S", option, "true")
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"flux-start: {option.partition('=')[0]}")


def test_the_level_of_the_log_acts_at_once() -> None:
    broker = RunningBroker()
    try:
        broker.start()
        assert "event='begin'" not in broker.log_text()
        assert broker.ask("getattr", name="log-stderr-level")["value"] == "5"
        for level, shown in (("6", True), ("4", False)):
            assert broker.flux("setattr", "log-stderr-level", level).returncode == 0
            before = len(broker.log_text())
            broker.good("set", "-t", "integer", "x.level", level)
            text = broker.log_text()[before:]
            assert ("forced" in text) is shown, text
        known = broker.ask("lsattr")["known"]
        assert known["log-stderr-level"]["settable"] == "at any time"
        assert set(known) == set(broker.ask("lsattr")["attributes"])
        broker.ask("setattr", name="log-stderr-level", value="-1")
        before = len(broker.log_text())
        broker.good("set", "-t", "integer", "y.z", "1")
        assert broker.log_text()[before:] == ""
    finally:
        broker.close()


def test_the_log_keeps_as_many_lines_as_it_is_told() -> None:
    script = "for n in 1 2 3 4 5; do flux config set -t integer x $n >&2; done; flux dmesg | wc -l"
    done = within(script, "-S", "log-ring-size=7")
    assert done.stdout.strip() == "7", done.stderr


def test_directories_are_made_kept_and_removed_as_the_attributes_say(tmp_path: Path) -> None:
    sticky = tmp_path / "sticky"
    sticky.mkdir()
    sticky.chmod(0o1777)
    run, state = tmp_path / "run", tmp_path / "state"
    given = ("-S", f"rundir={run}", "-S", f"statedir={state}")
    assert start(*given, "true").returncode == 0
    assert run.is_dir()
    assert state.is_dir()
    done = start(*given, "-S", "rundir-cleanup", "-S", "statedir-cleanup=1", "true")
    assert done.returncode == 0, done.stderr
    assert not run.exists()
    assert not state.exists()
    run.mkdir(mode=0o700)
    (run / "mine").touch()  # a directory that holds more than the broker's stays
    assert start(*given, "-S", "rundir-cleanup", "true").returncode == 0
    assert [path.name for path in run.iterdir()] == ["mine"]
    (run / "mine").unlink()
    done = start("-S", f"rundir={sticky}", "-S", f"statedir={state}", "sh", "-c", "echo $FLUX_URI")
    assert done.stdout.startswith(f"local://{sticky}/flux-rundir-")
    assert list(sticky.iterdir()) == []
    assert stat.S_IMODE(os.stat(state).st_mode) == 0o700


def test_local_uri_names_the_run_directory(tmp_path: Path) -> None:
    uri = f"local://{tmp_path}/run/local"
    done = start("-S", f"local-uri={uri}", "sh", "-c", f"echo $FLUX_URI; {SHELL} getattr rundir")
    assert done.stdout.splitlines() == [uri, f"{tmp_path}/run"], done.stderr
    done = start("-S", f"local-uri={uri}", "-S", f"rundir={tmp_path}/other", "true")
    assert done.returncode == 1
    assert "leave one of the two out" in done.stderr
    done = start("-S", "local-uri=local:///tmp/local", "true")
    assert done.returncode == 1
    assert "/tmp is for everybody" in done.stderr


@pytest.mark.parametrize("command", ["start", "broker"])
def test_a_broker_without_a_program(command: str, tmp_path: Path) -> None:
    """`-S broker.rc2_none` alone is true: it runs until a signal, and says where it is."""
    uri = f"local://{tmp_path}/local"
    with subprocess.Popen(
        [*FLUX, command, "-S", "broker.rc1_path=", "-S", "broker.rc2_none", "--log-format=json",
         "-S", f"rundir={tmp_path}"],
        stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        lines = (json.loads(line) for line in process.stderr)
        ready = next(line for line in lines if line["event"] == "ready")
        assert (ready["FLUX_URI"], ready["generation"]) == (uri, 1)
        process.terminate()
        assert process.wait(PATIENCE) == 0
    done = start("-S", "broker.rc2_none=1", "true")
    assert done.returncode == 1
    assert "leave one of them out" in done.stderr
