# SPDX-License-Identifier: LGPL-3.0-or-later
"""The options that `flux start` has of Flux: its effect, or a refusal by name."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.client_calls import FLUX
from tests.support.patience import PATIENCE

SHELL = f"{sys.executable} -m cli.main"
GET = (*FLUX, "config", "get")


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`flux start` without modules."""
    return subprocess.run([*FLUX, "start", "-Sbroker.rc1_path=", *arguments], check=False,
                          capture_output=True, text=True, timeout=PATIENCE)  # fmt: skip


def test_a_program_that_is_one_word_with_blanks_is_a_shell_line(tmp_path: Path) -> None:
    for words, told in (
        (("-s1", "echo a   b; echo $((1 + 2))"), "a b\n3\n"),
        (("--test-size=1", "echo", "a   b"), "a   b\n"),
        (("--", "echo $0; exit 7"), None),
    ):
        done = start(*words)
        assert told is None or done.stdout == told, done.stderr
        assert done.returncode == (0 if told else 7)
    program = tmp_path / "my program"
    program.write_text("#!/bin/sh\necho ran\n")
    program.chmod(0o755)
    assert start(str(program)).stdout == "ran\n"  # a file of that name is itself the program
    done = start("sh", "-c", "echo $0 $1 $2", "--recovery", "-r", "-S")  # the program's own options
    assert done.stdout == "--recovery -r -S\n", done.stderr
    assert start("nosuch-program-7").returncode == 127
    assert start("echo nosuch words", "x").returncode == 127  # two words are never a line


def test_conf_is_merged_on_top_in_its_order_and_a_reload_reads_files_alone(tmp_path: Path) -> None:
    """As in flux-broker(1), where --conf is in memory only."""
    files = tmp_path / "conf.d"
    files.mkdir()
    (files / "a.toml").write_text("[a]\nb = 1\nkept = true\n")
    (tmp_path / "x.toml").write_text("[f]\nx = 'toml'\n")
    (tmp_path / "y.json").write_text('{"f": {"y": "json"}}')
    conf = (
        "--conf=a.b=2", "--conf=a.t=x=y", '--conf=a.q="s"', "--conf=a.l=[1,2]", "--conf=a.n=1.5",
        '--conf={"j": {"k": true}}', "--conf=[t]\nu = 3", f"--conf={tmp_path}/x.toml",
        "--conf", f"{tmp_path}/y.json", "--conf=a.b=7",
    )  # fmt: skip
    shell = f"{SHELL} config get; {SHELL} config reload >&2; {SHELL} config get"
    done = start("-c", str(files), *conf, shell)
    assert done.returncode == 0, done.stderr
    first, second = map(json.loads, done.stdout.splitlines())
    assert first == {
        "a": {"b": 7, "kept": True, "t": "x=y", "q": "s", "l": [1, 2], "n": 1.5},
        "j": {"k": True}, "t": {"u": 3}, "f": {"x": "toml", "y": "json"},
    }  # fmt: skip
    assert second == {"a": {"b": 1, "kept": True}}
    assert json.loads(start("--conf=only=1", *GET).stdout) == {"only": 1}


def test_a_start_that_conf_spoils_is_refused_with_the_option_as_its_place() -> None:
    done = subprocess.run([*FLUX, "start", "--conf=heartbeat.period=0s", "true"], check=False,
                          capture_output=True, text=True, timeout=PATIENCE)  # fmt: skip
    assert done.returncode == 1
    assert "heartbeat: heartbeat.period: " in done.stderr
    assert "(--conf=heartbeat.period=0s:1:" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--conf==1",), "--conf==1: value must have a key in KEY=VAL"),
        (("--conf=.x=1",), "--conf=.x=1: setting .x: '.x' is not a dotted key"),
        (("--conf=a[0]=1",), "an array is given as a whole"),
        (("--conf=",), "--conf: expected KEY=VALUE"),
        (('--conf={"a"',), '(--conf={"a":1:'),
        (("--conf=/nowhere.toml",), "cannot be read: No such file or directory (/nowhere.toml)"),
        (("--conf=a.b=null",), "null is not allowed"),
        (("-s0",), "--test-size argument must be > 0"),
        (("-s2",), "--test-size=2: only 1: a broker of flux-accord is alone"),
        (("-sx",), "invalid int value: 'x'"),
        (("--test-hosts=a,b",), "--test-hosts: a broker of flux-accord is alone"),
        (("--recovery",), "--recovery: not here; --fallback starts with the newest"),
        (("-X",), "-X: not here"),
        (("--wrap=gdb",), "--wrap: not here"),
        (("--test-rundir=/nowhere",), "--test-rundir=/nowhere: no such directory"),
        (("-o,-Sx=1",), "x: unknown attribute"),
        (("-o,--nosuch",), "unrecognized arguments: --nosuch"),
        (("-o,true",), "-o ,true: true is no option"),
        (("--fallb",), "unrecognized arguments: --fallb"),
        (("--test-s=1",), "unrecognized arguments: --test-s=1"),
        (("--nosuch",), "unrecognized arguments: --nosuch"),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from cli.commands.broker import main

    try:
        status = main("start", [*words, "true"])
    except SystemExit as end:
        status = int(end.code or 0)
    assert status in (1, 2)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("flux-start: ") or said.err.startswith("flux-broker: ")
    assert told in said.err


def test_options_for_the_broker_are_passed_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    done = start(
        "-o,-Stest.a=1,-Slog-ring-size=9", "-o--conf=x=1,-v", "--test-rundir", str(run),
        "--test-rundir-cleanup",
        f"for name in test.a log-ring-size log-stderr-level rundir; do {SHELL} getattr $name; done;"
        f"{SHELL} config get",
    )  # fmt: skip
    assert done.stdout.splitlines() == ["1", "9", "6", str(run), '{"x":1}'], done.stderr
    assert "begin" in done.stderr
    assert not run.exists()
