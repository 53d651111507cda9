# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module as a Flux broker asks it, without one."""

from typing import Any

import pytest

from participant.contract import NotAModule
from participant.fluxcore.voter import Objection, Voter
from participant.module import Module, Reject, Rejects
from participant.settings.field import Field


class Pump(Module):
    """Keeps a diary."""

    table = "pump"

    class Config(Module.Config):
        """How fast."""

        pace: int = Field(1, ge=1)
        port: int = Field(80, restart=True)
        password: str = Field("", secret=True)

    def __init__(self, arguments: Any = None) -> None:
        super().__init__(arguments)
        self.diary: list[tuple[str, Any]] = []

    def prepare(self, new: Any, config: Any) -> Any:
        """Refuse some, warn of others."""
        if new.pace == 13:
            raise Rejects([Reject("is unlucky", key="pace"), Reject("is open", key="port")])
        if new.pace == 14:
            raise SystemExit(f"no: {new.password}")
        if new.pace > 50:
            self.warn("is fast", key="pace")
        self.diary.append(("prepare", new.pace))
        return new.pace

    def commit(self, staged: Any) -> None:
        """Note it."""
        if staged == 40:
            raise OSError("the pipe burst")
        self.diary.append(("commit", staged))

    def abort(self, staged: Any) -> None:
        """Note it."""
        self.diary.append(("abort", staged))

    def run(self) -> None:
        """Note it."""
        self.diary.append(("run", None))


@pytest.fixture
def pump() -> Pump:
    return Pump()


@pytest.fixture
def voter(pump: Pump) -> Voter:
    """One that runs pace 2, with an empty diary."""
    voter = Voter(pump, "pump")
    voter.start(tree(2), [])
    assert pump.diary == [("prepare", 2), ("commit", 2), ("run", None)]
    pump.diary.clear()
    return voter


def tree(pace: int, **more: Any) -> dict[str, Any]:
    return {"pump": {"pace": pace, **more}, "other": {"x": [1.5]}}


def body(pace: int, txid: str = "t1", dry_run: bool = False, **more: Any) -> dict[str, Any]:
    return {"txid": txid, "config": tree(pace, **more), "dry-run": dry_run}


def test_a_commit_takes_what_was_prepared(voter: Voter, pump: Pump) -> None:
    assert voter.prepare(body(3)) == []
    assert pump.config.pace == 2
    voter.reload(tree(3))
    assert pump.diary == [("prepare", 3), ("commit", 3)]
    assert pump.config.pace == 3


def test_an_abort_releases_it(voter: Voter, pump: Pump) -> None:
    voter.prepare(body(3))
    voter.abort({"txid": "another"})
    assert pump.diary == [("prepare", 3)]
    voter.abort({"txid": "t1"})
    voter.abort({"txid": "t1"})
    assert pump.diary == [("prepare", 3), ("abort", 3)]
    assert pump.config.pace == 2


def test_a_dry_run_keeps_nothing(voter: Voter, pump: Pump) -> None:
    assert voter.prepare(body(60, dry_run=True)) == ["pump.pace: is fast"]
    assert pump.diary == [("prepare", 60), ("abort", 60)]


def test_another_prepare_releases_the_one_before(voter: Voter, pump: Pump) -> None:
    voter.prepare(body(3, "t1"))
    voter.prepare(body(4, "t2"))
    assert pump.diary == [("prepare", 3), ("abort", 3), ("prepare", 4)]
    voter.reload(tree(4))
    assert pump.config.pace == 4


def test_a_reload_that_nobody_prepared_is_judged(voter: Voter, pump: Pump) -> None:
    voter.prepare(body(3))
    voter.reload(tree(5))
    assert pump.diary == [("prepare", 3), ("abort", 3), ("prepare", 5), ("commit", 5)]
    with pytest.raises(Objection, match="unlucky"):
        voter.reload(tree(13))
    assert pump.config.pace == 5


def test_what_runs_already_is_not_taken_again(voter: Voter, pump: Pump) -> None:
    voter.reload(tree(2))
    assert pump.diary == []


def test_every_reason_is_a_line(voter: Voter) -> None:
    with pytest.raises(Objection) as refused:
        voter.prepare(body(13))
    assert str(refused.value) == "pump.pace: is unlucky\npump.port: is open"
    with pytest.raises(Objection) as refused:
        voter.prepare(body(0, port="x\ny"))
    assert len(str(refused.value).splitlines()) == 2


def test_whatever_prepare_raises_is_a_no_without_secrets(voter: Voter) -> None:
    with pytest.raises(Objection, match=r"^prepare raised SystemExit: no: \*+$"):
        voter.prepare(body(14, password="swordfish"))


def test_a_commit_that_fails_is_told_and_can_be_undone(voter: Voter, pump: Pump) -> None:
    voter.prepare(body(40))
    with pytest.raises(Objection, match=r"^commit raised OSError: the pipe burst$"):
        voter.reload(tree(40))
    pump.diary.clear()
    voter.reload(tree(2))
    assert pump.diary == [("prepare", 2), ("commit", 2)]
    assert pump.config.pace == 2


def test_a_commit_that_failed_is_no_yes_the_next_time(voter: Voter) -> None:
    for _ in range(2):
        with pytest.raises(Objection, match="the pipe burst"):
            voter.reload(tree(40))


def test_arguments_are_above_the_files(pump: Pump) -> None:
    voter = Voter(pump, "pump")
    voter.start(tree(2), ["pace=7"])
    assert pump.config.pace == 7
    voter.reload(tree(3))
    assert pump.config.pace == 7


@pytest.mark.parametrize(
    ("arguments", "why"),
    [(["pace"], "an argument is KEY=VALUE"), (["pace=0"], "load argument"), (["=1"], "=1: ")],
)
def test_wrong_arguments_are_told(pump: Pump, arguments: list[str], why: str) -> None:
    with pytest.raises(Objection, match=why):
        Voter(pump, "pump").start(tree(2), arguments)


@pytest.mark.parametrize("wrong", [None, [], "x", {}, {"txid": 3, "config": {}}, {"config": {}}])
def test_what_is_no_request_is_refused(voter: Voter, wrong: Any) -> None:
    with pytest.raises(Objection, match="config-prepare takes"):
        voter.prepare(wrong)
    voter.abort(wrong)


@pytest.mark.parametrize("wrong", [None, [], "x", {"a": None}])
def test_what_is_no_configuration_is_refused(voter: Voter, pump: Pump, wrong: Any) -> None:
    with pytest.raises(Objection):
        voter.reload(wrong)
    with pytest.raises(Objection):
        voter.prepare({"txid": "t", "config": wrong})
    assert pump.config.pace == 2


def test_one_that_could_agree_blindly_is_not_served() -> None:
    class Sleeping(Module):
        table = "pump"
        Config = Pump.Config

        async def prepare(self, new: Any, config: Any) -> None:
            """Never run."""

    with pytest.raises(NotAModule, match="async"):
        Voter(Sleeping(), "pump")
