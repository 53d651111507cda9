# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a broker tells of itself: one line, one event and one number for each thing that happens."""

from collections.abc import Mapping
from typing import Any

from coordinator.core.decisions import Attempt, Decision, Durable, Receipt
from coordinator.core.requests import Who
from coordinator.observation import floods
from coordinator.observation.events import EventLog
from coordinator.observation.observer import Observer
from coordinator.runtime.log import Logger
from protocol import limits
from protocol.configuration import EMPTY
from protocol.reasons import Reason


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, Mapping[str, Any]]] = []

    def line(self, event: str, fields: Mapping[str, Any]) -> None:
        self.lines.append(("info", event, fields))

    def notice(self, event: str, **fields: Any) -> None:
        self.lines.append(("notice", event, fields))

    def warn(self, event: str, **fields: Any) -> None:
        self.lines.append(("warning", event, fields))

    def shown(self) -> list[tuple[str, str]]:
        """What stands in the journal at the default level."""
        return [(level, event) for level, event, _ in self.lines if level != "info"]


def durable(generation: int, verb: str = "set") -> Durable:
    decision = Decision(
        generation,
        f"1.{generation}",
        1,
        EMPTY,
        None,
        ("a",),
        verb,
        Who(0, 7, "flux x secret"),
        "why",
    )
    return Durable(Receipt(decision.txid, generation), decision, 99.0)


def observed() -> tuple[Observer, Lines]:
    lines = Lines()
    log: Logger = lines
    observer = Observer(log, lambda: 100.0)
    observer.mask = lambda command: command.replace("secret", "***")
    return observer, lines


def kinds(observer: Observer) -> list[str]:
    return [str(occurrence.kind) for occurrence in observer.events.after(0)]


def test_a_commit_and_an_undo_are_one_line_each() -> None:
    observer, lines = observed()
    observer.committed(durable(1))
    observer.committed(durable(2, "undo"))
    assert lines.shown() == [("notice", "committed"), ("notice", "undone")]
    _, _, fields = lines.lines[0]
    assert fields == {"generation": 1, "verb": "set", "user": "root", "pid": 7, "members": 1,
                      "command": "flux x ***", "message": "why", "txid": "1.1"}  # fmt: skip
    first, second = observer.events.after(0)
    assert (first.generation, first.at_wall, first.details["who"]["command"]) == (
        1, 99.0, "flux x ***")  # fmt: skip
    assert (second.kind, second.generation) == ("undone", 2)
    assert observer.metrics.commits == {"set": 1, "undo": 1}


def test_a_refusal_has_its_reasons_within_a_limit() -> None:
    observer, lines = observed()
    reasons = tuple(Reason("m", f"no {number}") for number in range(20))
    observer.refused(Attempt("1.1", 4, "d", "set", Who(0, 7, "flux x secret"), "", reasons))
    (level, event, fields) = lines.lines[0]
    assert (level, event, fields["generation"]) == ("notice", "refused", 4)
    assert fields["reasons"][0] == "m: no 0"
    assert fields["reasons"][-1] == "and 10 more"
    (occurrence,) = observer.events.after(0)
    assert len(occurrence.details["reasons"]) == 20
    long = tuple(Reason("m", "x" * 4000) for _ in range(20))
    observer.refused(Attempt("1.1", 4, "d", "set", Who(0, 7, "flux x"), "", long))
    details = observer.events.after(1)[0].details
    assert (len(details["reasons"]), details["more_reasons"]) == (3, 17)
    assert len(lines.lines[1][2]["reasons"][0]) < 600
    assert observer.metrics.refusals.total() == 2


def test_members_lost_and_back_and_removed() -> None:
    observer, lines = observed()
    observer.line("member", {"module": "a"})
    observer.line("cut", {"module": "a"})
    observer.line("died", {"module": "a", "how": "killed by SIGKILL"})
    observer.line("restart", {"module": "a"})
    observer.line("member", {"module": "a"})
    observer.line("remove", {"module": "a"})
    observer.line("died", {"module": "a", "how": "exited with status 0"})
    assert kinds(observer) == ["joined", "lost", "back", "left"]
    assert lines.shown() == [("warning", "module lost"), ("notice", "module back")]
    assert observer.metrics.restarts == {"a": 1}


def test_one_that_never_ran_is_not_lost_and_a_failed_one_is_told() -> None:
    observer, lines = observed()
    observer.line("died", {"module": "a", "how": "exited with status 1"})
    observer.line("failed", {"module": "a", "why": "died 5 times"})
    assert kinds(observer) == ["failed"]
    assert lines.shown() == [("warning", "module failed")]


def test_one_that_is_reloaded_is_not_lost() -> None:
    observer, lines = observed()
    observer.line("member", {"module": "a"})
    observer.line("module-reload", {"module": "a"})
    observer.line("died", {"module": "a", "how": "exited with status 0"})
    observer.line("member", {"module": "a"})
    assert kinds(observer) == ["joined", "joined"]
    assert lines.shown() == []


def test_the_end_is_no_loss() -> None:
    observer, lines = observed()
    observer.line("member", {"module": "a"})
    observer.line("stop", {})
    observer.line("died", {"module": "a", "how": "exited with status 0"})
    assert kinds(observer) == ["joined"]
    assert lines.shown() == []


def test_who_has_not_applied_it() -> None:
    observer, lines = observed()
    observer.not_applied(3, ("b", "a"))
    assert lines.shown() == [("warning", "not applied")]
    assert observer.events.after(0)[0].details == {"not_applied": ["a", "b"]}


def test_the_latest_events_are_kept() -> None:
    events = EventLog()
    observer, _ = observed()
    assert (events.first_kept, events.after(0), events.after(5)) == (1, [], [])
    for number in range(limits.EVENTS + 10):
        observer.committed(durable(number + 1))
    kept = observer.events
    assert (kept.first_kept, kept.last) == (11, limits.EVENTS + 10)
    assert [occurrence.number for occurrence in kept.after(kept.last - 2)] == [1009, 1010]
    assert len(kept.after(0)) == limits.EVENTS


def test_only_so_many_modules_are_counted_one_by_one() -> None:
    observer, _ = observed()
    metrics = observer.metrics
    for number in range(limits.METRIC_MODULES + 5):
        metrics.took(metrics.prepare, f"m{number}", 0.1)
    assert len(metrics.prepare) == limits.METRIC_MODULES + 1
    assert sum(metrics.prepare["(others)"].counts) == 5


def test_a_member_that_sends_nonsense_on_and_on_does_not_fill_the_log() -> None:
    lines, now = Lines(), [5.0]
    log: Logger = lines
    observer = Observer(log, lambda: 100.0, lambda: now[0])
    for _ in range(1000):
        observer.warn("malformed", module="a", why="x")
    observer.warn("malformed", module="b", why="x")
    now[0] += floods.SECONDS
    observer.warn("malformed", module="a", why="y")
    told = [(fields["module"], fields.get("more")) for _, _, fields in lines.lines]
    assert told == [("a", None), ("b", None), ("a", 999)]
    for _ in range(3):
        observer.warn("not applied", generation=1)
    assert len(lines.lines) == 6
