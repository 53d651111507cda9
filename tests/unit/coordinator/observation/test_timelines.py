# SPDX-License-Identifier: LGPL-3.0-or-later
"""The moments of a change, of what the observer tells; the simulation says that they are true."""

from collections.abc import Mapping
from typing import Any

from coordinator.core.requests import Who
from coordinator.observation.timelines import Timelines
from protocol import limits
from protocol.transitions import TransactionInput


class Clock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


class Changes:
    """Timelines, and a short way to tell them things."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.kept: list[Mapping[str, Any]] = []
        self.told = Timelines(lambda: 1000.0 + self.clock.now, self.clock)
        self.told.keep = lambda change: self.kept.append(change.as_json())

    def line(self, event: str, wait: float = 0.1, **fields: Any) -> None:
        self.clock.now += wait
        self.told.line(event, fields)

    def begin(self, *members: str, txid: str = "1.1.a", dry_run: bool = False) -> None:
        self.line("begin", txid=txid, verb="set", dry_run=dry_run, elapsed=0.5)
        self.told.voters(txid, members, Who(1, 2, "flux x"), "why")
        self.told.asked(txid, members, 10.0)
        self.line("prepare", txid=txid, members=len(members))

    def vote(self, name: str, yes: bool = True, txid: str = "1.1.a") -> None:
        self.clock.now += 0.1
        self.told.voted(txid, name, yes)

    def commit(self, txid: str = "1.1.a", generation: int = 7) -> None:
        for event in ("force", "forced"):
            self.line(event, txid=txid, generation=generation)
        self.told.told(txid)
        self.line("commit", txid=txid, generation=generation)

    def end(self, result: str, generation: int = 7, txid: str = "1.1.a") -> dict[str, Any]:
        self.line("end", txid=txid, result=result, generation=generation)
        return self.told.recent()[txid]

    def members(self, txid: str = "1.1.a") -> dict[str, dict[str, Any]]:
        shown = self.told.recent()[txid]["moments"]["members"]
        return {member["name"]: member for member in shown}


def test_a_commit_has_all_its_moments() -> None:
    change = Changes()
    change.begin("a", "b")
    assert change.told.recent()["1.1.a"]["result"] == "undecided"
    change.vote("a")
    change.vote("b")
    change.commit()
    for name in ("b", "a"):
        change.clock.now += 0.1
        change.told.applied(7, name, ok=True)
    entry = change.end("committed")
    assert entry["at"] == 1049.6
    assert (entry["base"], entry["generation"], entry["txid"]) == (6, 7, "1.1.a")
    assert entry["who"] == {"uid": 1, "pid": 2, "command": "flux x"}
    moments = entry["moments"]
    steps = {name: moments[name] for name in ("begun", "asked", "allowed", "force", "forced",
                                              "commit", "ended", "seconds")}  # fmt: skip
    assert steps == {"begun": 0.5, "asked": 0.5, "allowed": 10.5, "force": 0.9, "forced": 1.0,
                     "commit": 1.0, "ended": 1.4, "seconds": 1.4}  # fmt: skip
    assert change.members()["a"] == {"name": "a", "asked": 0.5, "voted": 0.7, "applied": 1.3,
                                     "vote": "yes", "ok": True}  # fmt: skip
    assert change.kept == [entry]


def test_a_refusal_says_who_said_no_who_died_and_who_was_late() -> None:
    change = Changes()
    change.begin("a", "b", "c", "d")
    change.vote("a", yes=False)
    change.line("died", module="b", how="killed by SIGKILL")
    change.vote("c", txid="1.0.a")  # on an earlier change
    change.line("abort", txid="1.1.a", cause=str(TransactionInput.LATE))
    entry = change.end("refused", 6)
    assert [member.get("vote") for member in change.members().values()] == [
        "no", "lost", "late", "late"]  # fmt: skip
    assert change.members()["b"]["why"] == "its process ended: killed by SIGKILL"
    assert entry["moments"]["cause"] == "deadline"
    assert (entry["base"], "generation" in entry) == (6, False)
    assert change.kept == [entry]


def test_a_yes_outlives_the_connection_and_not_the_process() -> None:
    change = Changes()
    change.begin("a", "b")
    change.vote("a")
    change.vote("b")
    change.line("cut", module="a")
    change.line("died", module="b", how="x")
    assert [member["vote"] for member in change.members().values()] == ["yes", "lost"]


def test_a_vote_after_the_decision_is_none() -> None:
    change = Changes()
    change.begin("a")
    change.vote("a")
    change.commit()
    change.told.applied(7, "b", ok=True)  # admitted to it, without a vote
    change.vote("b")
    change.end("committed")
    assert change.members()["b"] == {"name": "b", "applied": 1.0, "ok": True}


def test_who_declines_what_it_is_admitted_to_is_not_drawn_as_well() -> None:
    change = Changes()
    change.begin("a")
    change.vote("a")
    change.commit()
    change.told.applied(7, "b", ok=False)
    change.told.applied(7, "a", ok=False)  # in a life that is over
    change.told.applied(7, "a", ok=True)
    change.end("committed")
    members = change.members()
    assert (members["a"]["ok"], members["b"]["ok"]) == (True, False)
    assert members["b"]["why"] == "declined it"


def test_who_died_before_it_had_applied_is_missing_whatever_its_next_life_does() -> None:
    change = Changes()
    change.begin("a", "b", "c")
    for name in ("a", "b", "c"):
        change.vote(name)
    change.commit()
    change.line("died", module="a", how="x")
    change.told.applied(7, "a", ok=True)
    change.told.applied(6, "b", ok=True)  # an earlier generation
    change.told.applied(7, "c", ok=True)
    change.told.not_applied(["a", "b"])
    change.end("partial")
    members = change.members()
    assert [members[name]["ok"] for name in ("a", "b", "c")] == [False, False, True]
    assert members["b"]["why"] == "did not apply it in time"


def test_who_was_excused_is_not_awaited_before_all_are_told() -> None:
    change = Changes()
    change.begin("a", "b", "c")
    change.vote("c")
    for name in ("a", "b"):
        change.line("excused", txid="1.1.a", module=name, why="lost its connection")
    change.line("force", txid="1.1.a", generation=7)
    change.line("died", module="a", how="x")
    change.told.told("1.1.a")
    change.line("died", module="b", how="x")
    change.told.applied(7, "c", ok=True)
    change.told.not_applied(["b"])
    change.end("partial")
    members = change.members()
    assert [members[name].get("ok") for name in ("a", "b", "c")] == [None, False, True]
    assert members["a"]["why"] == "lost its connection"
    assert members["b"]["why"] == "its process ended: x"


def test_who_came_up_meanwhile_was_waited_for() -> None:
    change = Changes()
    change.line("begin", txid="1.1.a", verb="reload", dry_run=False, elapsed=0.0)
    change.line("member", module="late", generation=3)
    change.told.asked("1.1.a", ["late"], 10.0)
    change.line("member", module="later", generation=3)
    assert change.told.recent()["1.1.a"]["moments"]["came"] == [{"name": "late", "at": 0.1}]


def test_dry_runs_and_what_changed_nothing_are_not_written() -> None:
    change = Changes()
    change.begin("a", dry_run=True)
    change.vote("a", yes=False)
    assert change.end("refused")["moments"]["dry_run"] is True
    change.line("begin", txid="1.2.a", verb="set", dry_run=False, elapsed=0.0)
    change.end("unchanged", txid="1.2.a")
    assert change.kept == []
    assert list(change.told.recent()) == ["1.1.a", "1.2.a"]


def test_lines_about_nothing_in_progress_are_ignored() -> None:
    change = Changes()
    for event in ("prepare", "force", "commit", "abort", "end", "died", "cut", "excused"):
        change.line(event, txid="1.1.a", module="a")
    change.told.asked("1.1.a", ["a"], 1.0)
    change.told.voted("1.1.a", "a", yes=True)
    change.told.applied(7, "a", ok=True)
    change.told.told("1.1.a")
    change.told.not_applied(["a"])
    assert change.told.recent() == {}


def test_there_is_a_limit_on_changes_and_on_their_members() -> None:
    change = Changes()
    names = [f"m{number}" for number in range(limits.TIMELINE_MEMBERS + 20)]
    change.begin(*names)
    for name in names:
        change.vote(name, yes=name != "m3")
    moments = change.end("refused")["moments"]
    shown = {member["name"] for member in moments["members"]}
    assert (len(shown), moments["more_members"]) == (limits.TIMELINE_MEMBERS, 20)
    assert "m3" in shown, "it was quick, and said no"
    assert "m0" not in shown
    for number in range(limits.TIMELINES + 5):
        change.line("begin", txid=f"2.{number}", verb="set", dry_run=False, elapsed=0.0)
        change.end("unchanged", txid=f"2.{number}")
    assert len(change.told.recent()) == limits.TIMELINES
