# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which checks judge a candidate, above all one that changes the checks; with real commands."""

import json
from pathlib import Path
from typing import Any

import pytest

from participant.modules.checks import Checks
from participant.testing import Refused, Trial

YES: dict[str, Any] = {"name": "yes", "command": "true"}


class Site:
    """Checks that write down what they were given, and say no where the value of `x` is `bad`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.script = directory / "check"
        self.script.write_text(
            f'#!/bin/sh\ncat >> "{directory}/asked.$FLUX_ACCORD_CHECK"\n'
            f'! grep -q bad "{directory}/asked.$FLUX_ACCORD_CHECK"\n'
        )
        self.script.chmod(0o755)

    def check(self, name: str, *tables: str) -> dict[str, Any]:
        return {"name": name, "command": [str(self.script), name], "tables": list(tables)}

    def asked(self) -> dict[str, list[Any]]:
        """What each was given since this was called last."""
        found = {}
        for file in sorted(self.directory.glob("asked.*")):
            lines = file.read_text().splitlines()
            found[file.suffix[1:]] = [json.loads(line) for line in lines]
            file.unlink()
        return found


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_check_is_given_the_candidate(site: Site) -> None:
    tree = {"checks": [site.check("a")], "x": {"text": "ä\n"}, "y": 1.5}
    trial = Trial(Checks, tree)
    assert site.asked() == {"a": [tree]}
    trial.change({**tree, "y": 2})
    assert site.asked() == {"a": [{**tree, "y": 2}]}


def test_with_tables_it_is_given_only_these_and_asked_when_they_change(site: Site) -> None:
    checks = [site.check("a", "x", "z"), site.check("b")]
    trial = Trial(Checks, {"checks": checks, "x": {"v": 1}, "y": 1})
    assert site.asked()["a"] == [{"x": {"v": 1}}]
    trial.change({"checks": checks, "x": {"v": 1}, "y": 2})
    assert list(site.asked()) == ["b"]
    trial.change({"checks": checks, "y": 2})
    assert site.asked()["a"] == [{}], "a table that goes has changed"


def test_a_new_check_judges_what_it_comes_with(site: Site) -> None:
    trial = Trial(Checks, {"x": "bad"})
    with pytest.raises(Refused, match="a: exited with status 1"):
        trial.change({"checks": [site.check("a", "x")], "x": "bad"})
    trial.change({"checks": [site.check("b", "x")], "x": "good"})
    assert list(site.asked()) == ["a", "b"]


def test_a_rule_is_not_lifted_by_what_it_would_refuse(site: Site) -> None:
    trial = Trial(Checks, {"checks": [site.check("a")], "x": "good"})
    for instead in ([], [{**site.check("a"), "command": "true"}], [site.check("b", "y")]):
        with pytest.raises(Refused, match="a: exited with status 1"):
            trial.change({"checks": instead, "x": "bad"})
    site.asked()
    trial.change({"checks": [site.check("b")], "x": "better"})
    assert list(site.asked()) == ["a", "b"], "both the old and the new"


def test_the_same_command_is_asked_once(site: Site) -> None:
    trial = Trial(Checks, {"checks": [site.check("a")], "x": 1})
    site.asked()
    trial.change({"checks": [{**site.check("a"), "timeout": "9s"}], "x": 2})
    assert len(site.asked()["a"]) == 1


def test_a_check_that_is_broken_can_be_left(site: Site) -> None:
    broken = {"name": "broken", "command": [str(site.script)]}
    trial = Trial(Checks, {"checks": [broken]})
    site.script.unlink()
    with pytest.raises(Refused, match=r"broken: .*No such file"):
        trial.change({"checks": [broken], "x": 1})
    with pytest.raises(Refused, match=r"broken: .*No such file"):
        trial.change({"x": 1})
    trial.change({})
    trial.change({"x": 1})


def test_a_script_without_an_interpreter_is_told_as_that(site: Site) -> None:
    trial = Trial(Checks, {})
    site.script.write_text("exit 0\n")
    with pytest.raises(Refused) as refused:
        trial.change({"checks": [site.check("a")], "x": 1})
    (reason,) = refused.value.reasons
    assert reason.message.startswith("a: could not be started: Exec format error (a script begins")
    assert reason.code == "check"


def test_the_way_back_is_open(site: Site) -> None:
    before = {"x": "bad"}
    trial = Trial(Checks, before)
    trial.change({"checks": [site.check("a")], "x": "good"})
    trial.change(before)
    assert list(site.asked()) == ["a"], "it was asked when it came, and not when it went"
    with pytest.raises(Refused, match="a: exited"):
        trial.change({"checks": [site.check("a")], "x": "good"} | before)


def test_at_most_so_many(site: Site) -> None:
    many = [{"name": f"n{number}", "command": ["true", str(number)]} for number in range(65)]
    Trial(Checks, {"checks": many[:64]})
    with pytest.raises(Refused, match="more than 64 checks"):
        Trial(Checks, {"checks": many})
