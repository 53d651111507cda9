# SPDX-License-Identifier: LGPL-3.0-or-later
"""An instance that is kept for the next rehearsal says what a new one would, or is not asked.

A script plays `flux`: it writes down what it is given, and its modules do what a test wants.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from participant.fluxcore.kept_stage import KeptStage
from participant.fluxcore.rehearsal import Rehearsed
from protocol import limits
from protocol.configuration import EMPTY, Configuration
from tests.support.patience import PATIENCE

MODULES = ("heartbeat", "kvs", "site-power")

FLUX = """\
#!{python}
import json, os, sys, time

told = open({log!r}, "a", buffering=1)
print("start", json.loads(next(sys.stdin))["in-force"], file=told)
print(json.dumps({{"failed": {{}}}}), flush=True)
for number, line in enumerate(sys.stdin):
    given = json.loads(line)
    tree, kept = given["candidate"], number > 0
    print("back", given["back"], "give", tree, file=told)
    mood = tree.get("mood") if kept else None
    if mood == "hangs":
        time.sleep(600)
    if mood == "dies":
        sys.exit(3)
    answer = {{"asked": {{"heartbeat": "", "kvs": ""}}, "refused": {{}}, "stuck": {{}}}}
    if mood == "stuck":
        answer["stuck"] = {{"kvs": "will not"}}
    if mood == "gone":
        answer["gone"] = {{"kvs": "has ended"}}
    if mood == "no" or "no" in tree:
        answer["refused"] = {{"kvs": tree.get("no", "moody")}}
    print(json.dumps(answer), flush=True)
print("end", file=told)
"""


class World:
    """A KeptStage, the script, and a clock that is moved by hand."""

    def __init__(self, place: Path) -> None:
        self.log = place / "log"
        self.flux = place / "flux"
        self.write()
        self.elapsed, self.read = 0.0, 0
        self.kept = KeptStage(str(self.flux), lambda: self.elapsed)

    def write(self) -> None:
        """The script, as a file that was not there before."""
        self.flux.unlink(missing_ok=True)
        self.flux.write_text(FLUX.format(python=sys.executable, log=str(self.log)))
        self.flux.chmod(0o755)

    def ask(
        self, in_force: dict[str, Any], candidate: dict[str, Any], *more: str,
        seconds: float = PATIENCE,
    ) -> Rehearsed:  # fmt: skip
        """One rehearsal."""
        names = (*MODULES, *more)
        return self.kept.rehearse(
            names, Configuration.of(in_force), Configuration.of(candidate), seconds
        )

    def told(self) -> list[str]:
        """What the script has written down since it was asked last."""
        lines = self.log.read_text().splitlines()
        fresh, self.read = lines[self.read :], len(lines)
        return fresh


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Nothing of it may be left."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    made = World(tmp_path)
    yield made
    made.kept.close()
    assert list(temporary.iterdir()) == []


def test_what_came_into_force_is_gone_on_from(world: World) -> None:
    for number in range(3):
        found = world.ask({"n": number}, {"n": number + 1})
        assert (found.reasons, found.why_none) == ((), "")
        assert set(found.said) == {"heartbeat", "kvs"}
        assert list(found.not_asked) == ["site-power"]
    assert world.told() == [
        "start {'n': 0}",
        "back None give {'n': 1}",
        "back None give {'n': 2}",
        "back None give {'n': 3}",
    ]


def test_what_did_not_come_into_force_ends_it(world: World) -> None:
    """Modules may keep something of it, and no module of the real instance ever had it."""
    world.ask({"n": 0}, {"n": 1})
    world.ask({"n": 0}, {"n": 2})
    assert world.told() == [
        "start {'n': 0}",
        "back None give {'n': 1}",
        "start {'n': 0}",
        "back None give {'n': 2}",
    ]


def test_what_came_into_force_without_it_is_given_to_it_first(world: World) -> None:
    world.ask({"n": 0}, {"n": 1})
    world.kept.settle(Configuration.of({"n": 1}))
    world.ask({"n": 5}, {"n": 6})
    assert world.told()[2:] == ["back {'n': 5} give {'n': 6}"]


def test_a_new_one_is_ready_when_a_change_was_refused(world: World) -> None:
    assert world.ask({"n": 0}, {"no": "bad"}).reasons
    world.told()
    world.kept.settle(Configuration.of({"n": 0}))
    assert sorted(world.told()) == ["end", "start {'n': 0}"]
    assert not world.ask({"n": 0}, {"n": 1}).reasons
    assert world.told() == ["back None give {'n': 1}"]


@pytest.mark.parametrize("mood", ["no", "dies", "stuck", "gone", "hangs"])
def test_only_a_new_one_says_no(world: World, mood: str) -> None:
    """What is wrong with one that was kept is no reason against a change."""
    world.ask({"n": 0}, {"n": 1})
    seconds = 3.0 if mood == "hangs" else PATIENCE
    found = world.ask({"n": 1}, {"mood": mood}, seconds=seconds)
    assert (found.reasons, found.why_none) == ((), "")
    assert world.told()[2:] == [
        f"back None give {{'mood': '{mood}'}}",
        "start {'n': 1}",
        f"back None give {{'mood': '{mood}'}}",
    ]
    world.kept.settle(Configuration.of({"mood": mood}))
    assert len(list(Path(tempfile.gettempdir()).iterdir())) == 1


def test_a_no_is_the_new_ones_own(world: World) -> None:
    world.ask({"n": 0}, {"n": 1})
    found = world.ask({"n": 1}, {"mood": "no", "no": "as bad as can be"})
    assert [str(reason) for reason in found.reasons] == ["kvs: as bad as can be"]


def test_a_no_that_no_new_one_can_confirm_stands(world: World) -> None:
    """It is the safe side: nothing changes."""
    world.ask({"n": 0}, {"n": 1})
    assert world.kept._stage is not None
    world.flux.unlink()
    world.kept._made = world.kept._made_of(MODULES)  # as if it were removed in that very moment
    found = world.ask({"n": 1}, {"no": "bad"})
    assert [str(reason) for reason in found.reasons] == ["kvs: bad"]


def test_other_modules_another_command_another_environment(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ask({"n": 0}, {"n": 1})
    world.ask({"n": 1}, {"n": 2}, "content")
    world.write()
    world.ask({"n": 2}, {"n": 3}, "content")
    monkeypatch.setenv("FLUX_MODULE_PATH", "/elsewhere")
    world.ask({"n": 3}, {"n": 4}, "content")
    world.ask({"n": 4}, {"n": 5}, "content", "another-site-module")
    assert [line for line in world.told() if line.startswith("start")] == [
        "start {'n': 0}",
        "start {'n': 1}",
        "start {'n': 2}",
        "start {'n': 3}",
    ]


def test_it_is_kept_for_a_while(world: World) -> None:
    world.ask({"n": 0}, {"n": 1})
    world.elapsed += limits.REHEARSAL_KEPT_SECONDS - 1
    world.kept.expire()
    world.ask({"n": 1}, {"n": 2})
    world.elapsed += limits.REHEARSAL_KEPT_SECONDS - 1
    world.kept.expire()
    assert "end" not in world.told()
    world.elapsed += 1
    world.kept.expire()
    assert world.told() == ["end"]
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_one_that_cannot_be_held_is_no_verdict(world: World) -> None:
    world.flux.unlink()
    found = world.ask({}, {"n": 1})
    assert "there is no such program" in found.why_none
    assert (found.said, found.not_asked) == ({}, {})
    assert world.ask({}, {"n": 1}, seconds=0.0).why_none == "there is no time for it"
    world.kept.settle(EMPTY)
    world.kept.expire()
