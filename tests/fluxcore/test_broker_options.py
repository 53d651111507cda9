# SPDX-License-Identifier: LGPL-3.0-or-later
"""Options and attributes of a broker, beside a real one: the same effects, the same refusals."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.client_calls import FLUX, ROOT
from tests.support.patience import PATIENCE
from tests.support.real_flux import NO_MODULES, outside, real_flux

Done = subprocess.CompletedProcess[str]


def both(*arguments: str) -> tuple[Done, Done]:
    """`flux start ARGUMENTS` of both, without modules: the real one's end, and ours."""
    real = real_flux()
    assert real is not None
    theirs = [real, "start", *NO_MODULES, *arguments]
    mine = [*FLUX, "start", "-Sbroker.rc1_path=", *arguments]
    if arguments[-1].startswith("flux "):  # in a line for a shell `flux` is ours, too
        mine[-1] = f'flux() {{ {" ".join(FLUX)} "$@"; }}; {arguments[-1]}'
    environment = outside(PYTHONPATH=str(ROOT))
    first, second = (
        subprocess.run(command, env=environment, capture_output=True, text=True,
                       stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
        for command in (theirs, mine)
    )  # fmt: skip
    return first, second


def test_conf_gives_the_same_configuration(tmp_path: Path) -> None:
    files = tmp_path / "conf.d"
    files.mkdir()
    (files / "a.toml").write_text("[a]\nb = 1\nkept = true\n")
    (tmp_path / "y.json").write_text('{"f": {"y": "json"}}')
    conf = (
        "--conf=a.b=2", "--conf=a.t=x=y", '--conf=a.q="s"', "--conf=a.l=[1,2]", "--conf=a.n=1.5",
        "--conf=a.e=", '--conf={"j": {"k": true}}', "--conf=[t]\nu = 3",
        "--conf", f"{tmp_path}/y.json", "--conf=a.b=7", "-o--conf=o=1",
    )  # fmt: skip
    theirs, mine = both("-s1", "-c", str(files), *conf, "flux config get; flux config reload; "
                        "flux config get")  # fmt: skip
    assert theirs.returncode == 0, theirs.stderr
    assert mine.returncode == 0, mine.stderr
    told = [[json.loads(line) for line in done.stdout.splitlines() if line[:1] == "{"]
            for done in (theirs, mine)]  # fmt: skip
    assert len(told[0]) == 2
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-Sststedir=/x",), "ststedir: unknown attribute"),
        (("-Srank=7",), "rank: attribute may not be set on the command line"),
        (("-Slog-stderr-level=99",), "log-stderr-level"),
        (("-Slog-stderr-level=x",), "log-stderr-level"),
        (("--conf==1",), "value must have a key in KEY=VAL"),
        (("--conf=.x=1",), "setting .x: "),
        (("--conf=/nowhere.toml",), "/nowhere.toml"),
        (("-s0",), "--test-size argument must be > 0"),
        (("--fallb",), "--fallb"),
    ],
)
def test_what_both_refuse(words: tuple[str, ...], told: str) -> None:
    for done in both(*words, "true"):
        assert done.returncode in (1, 2), (done.stdout, done.stderr)
        assert told in done.stderr
        assert done.stdout == ""


def test_a_shell_line_and_words() -> None:
    for words in (("echo a   b; exit 3",), ("echo", "a   b"), ("--", "echo a", "b"), ("nosuch-7",)):
        theirs, mine = both(*words)
        assert (mine.returncode, mine.stdout) == (theirs.returncode, theirs.stdout), words


def test_attributes_are_set_and_refused_alike() -> None:
    script = (
        "flux setattr log-stderr-level 7; flux getattr log-stderr-level;"
        "flux setattr log-stderr-level 99; flux setattr rank 3; flux setattr nope 1;"
        "flux setattr test.x 'a b'; flux getattr test.x; flux getattr broker.rc1_path"
    )
    refused = ("log-stderr-level", "rank: attribute may not be updated", "nope: unknown attribute")
    theirs, mine = both("-o,-Stest.x=0", script)
    assert mine.stdout == theirs.stdout == "7\na b\n\n"
    for done in (theirs, mine):
        lines = [line for line in done.stderr.splitlines() if line.startswith("flux-setattr: ")]
        for line, told in zip(lines, refused, strict=True):
            assert told in line
