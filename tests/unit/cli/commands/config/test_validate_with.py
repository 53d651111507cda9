# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config validate` of what is not there yet: a file put in, stdin, a broker's own modules."""

import io
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cli.commands.config.main import main
from tests.support.schemas import conforms

GOOD, BAD = '[heartbeat]\nperiod = "3s"\n', '[heartbeat]\nperiod = "0s"\n'
SHORT = '[heartbeat]\ntimeout = "5s"\n'


class Done(NamedTuple):
    status: int
    out: str
    err: str


class Command:
    """Runs `flux config validate` in this process: all that is slow is imported once."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def __call__(self, *arguments: object, stdin: str = "") -> Done:
        text = io.TextIOWrapper(io.BytesIO(stdin.encode()))
        self._monkeypatch.setattr(sys, "stdin", text)
        status = main("config", ["validate", *map(str, arguments)])
        return Done(status, *self._capsys.readouterr())

    def json(self, *arguments: object, stdin: str = "") -> dict[str, Any]:
        done = self(*arguments, "--json", stdin=stdin)
        document: dict[str, Any] = json.loads(done.out)
        conforms("failure" if document["result"] == "failed" else "validate", document)
        return document


@pytest.fixture
def validate(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(capsys, monkeypatch)


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    directory = tmp_path / "conf.d"
    directory.mkdir()
    (directory / "a.toml").write_text(GOOD)
    (directory / "b.toml").write_text("")
    return directory


def test_a_file_is_judged_together_with_the_others(
    validate: Command, conf: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    new.write_text(SHORT)
    assert validate(conf).status == 0
    refused = validate("--with", f"{new}=b.toml", conf)
    assert refused.status == 1
    assert f"({conf}/b.toml:2:1)" in refused.err, "under the name that it will have"
    assert validate("--with", f"{new}=a.toml", conf).status == 0, "in its place it is fine"
    assert validate("--with", f"{new}=c.toml", conf).status == 1, "a new one counts, too"
    both = validate("--with", f"{new}=a.toml", "--with", f"{new}=c.toml", conf)
    assert both.status == 0
    assert (conf / "b.toml").read_text() == "", "nothing is written"


def test_the_order_is_that_of_the_names(validate: Command, conf: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    new.write_text(BAD)
    assert validate("--with", f"{new}=0.toml", conf).status == 0, "a.toml comes later"
    assert validate("--with", f"{new}=z.toml", conf).status == 1


def test_a_broken_file_may_be_what_is_replaced(
    validate: Command, conf: Path, tmp_path: Path
) -> None:
    (conf / "b.toml").write_text("x =\n")
    (tmp_path / "b.toml").write_text(GOOD)
    assert validate(conf).status == 1
    assert validate("--with", tmp_path / "b.toml", conf).status == 0, "by its own name"


def test_stdin(validate: Command, conf: Path) -> None:
    assert validate("-", stdin=GOOD).status == 0
    assert validate("-", stdin='{"heartbeat": {"period": "3s"}}').status == 0
    assert "(<stdin>:2:1)" in validate("-", stdin=BAD).err
    assert validate("--with=-=b.toml", conf, stdin=BAD).status == 1
    assert validate("--with=-=b.toml", conf, stdin=GOOD).status == 0


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (["--with", "{new}", "{conf}"], "bad-request"),
        (["--with", "{new}=b.json", "{conf}"], "bad-request"),
        (["--with", "{new}=../b.toml", "{conf}"], "bad-request"),
        (["--with", "-", "{conf}"], "bad-request"),
        (["--with", "{new}=b.toml", "-"], "bad-request"),
        (["--with", "{new}=b.toml", "{new}"], "unreadable"),
        (["--with", "{conf}=b.toml", "{conf}"], "unreadable"),
        (["--dump", "{new}", "{conf}"], "syntax"),
        (["--dump", "/nowhere", "{conf}"], "unreadable"),
    ],
)
def test_what_makes_no_sense_is_refused(
    validate: Command, conf: Path, tmp_path: Path, given: list[str], code: str
) -> None:
    new = tmp_path / "new"
    new.write_text(GOOD)
    typed = [word.format(new=new, conf=conf) for word in given]
    assert validate.json(*typed)["code"] == code


def test_a_file_that_is_not_there_is_a_reason(validate: Command, conf: Path) -> None:
    found = validate.json("--with", "/nowhere=b.toml", conf)
    assert [reason["code"] for reason in found["reasons"]] == ["unreadable"]


def test_lines_and_annotations_name_files_as_they_were_given(
    validate: Command, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (conf / "a.toml").write_text(BAD + "[nonsense]\n")
    (conf / "b.toml").write_text("[access]\nx = 1\n")
    monkeypatch.chdir(conf.parent)
    lines = validate("--format=line", "conf.d").out.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["conf.d/a.toml:2:1", "error"],
        ["conf.d/a.toml:3:2", "warning"],
        ["conf.d/b.toml:2:1", "error"],
    ]
    assert lines[2].endswith(": connector-local: access.x: unknown key [unknown-key]")
    assert validate("--format=line", conf).out.startswith(f"{conf}/a.toml:2:1: error: ")
    github = validate("--format=github", "conf.d").out.splitlines()
    assert github[1].startswith("::warning file=conf.d/a.toml,line=3,col=2,title=")
    strict = validate("--format=github", "--strict", "conf.d").out
    assert "::warning" not in strict


def dump(tmp_path: Path, **modules: dict[str, Any]) -> Path:
    empty = {"state": "running", "generation": 1, "path": "", "arguments": {}, "runtime": {},
             "config": {}, "cut": False}  # fmt: skip
    told = {"version": 1, "attributes": {}, "configuration": {},
            "modules": {name: {**empty, **module} for name, module in modules.items()}}  # fmt: skip
    file = tmp_path / "dump.json"
    file.write_text(json.dumps(told))
    return file


def test_the_modules_of_a_dump_are_asked_with_their_own_values(
    validate: Command, conf: Path, tmp_path: Path
) -> None:
    file = tmp_path / "pulse.toml"
    file.write_text('[heartbeat]\nperiod = "4s"\n')
    variable = "environment variable FLUX_PULSE_TIMEOUT"
    for module in (
        {"arguments": {"timeout": "5s"}},
        {"runtime": {"timeout": "5s"}},
        {"config": {"timeout": {"value": "5s", "origin": variable}}},
    ):
        saved = dump(tmp_path, pulse={"path": "heartbeat", **module})
        found = validate.json("--dump", saved, file)
        assert found["modules"] == ["pulse"]
        assert [reason["key"] for reason in found["reasons"]] == ["heartbeat.timeout"], module
    over = {"arguments": {"timeout": "5s"}, "runtime": {"timeout": "1m"}}
    saved = dump(tmp_path, pulse={"path": "heartbeat", **over})
    assert validate.json("--dump", saved, file)["reasons"] == []


def test_who_of_a_dump_cannot_be_asked_is_told(
    validate: Command, conf: Path, tmp_path: Path
) -> None:
    saved = dump(tmp_path, heartbeat={"path": "heartbeat", "arguments": {"period": "********"}},
                 guest={"path": ""}, gone={"path": "/nowhere.py"})  # fmt: skip
    found = validate.json("--dump", saved, conf)
    assert found["modules"] == ["heartbeat"]
    assert [(one["module"], one["code"]) for one in found["warnings"]] == [
        ("heartbeat", "not-asked"), ("guest", "not-asked"), ("gone", "not-asked")]  # fmt: skip
