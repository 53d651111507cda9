# SPDX-License-Identifier: LGPL-3.0-or-later
"""The judges can fail: wrong behaviour is planted, and each time they say so."""

import sqlite3
from contextlib import closing

import pytest

from tests.chaos import evidence
from tests.chaos.broker import HASTY, ChaosBroker
from tests.chaos.verdicts import Answered, answered_in_time
from tests.support.outcome import expect


def promises(violations: list[str]) -> set[str]:
    """Which promises these are violations of."""
    return {violation.partition(":")[0] for violation in violations}


def answered(broker: ChaosBroker, outcome: dict[str, object]) -> Answered:
    """An outcome as the judges want it."""
    return Answered(dict(outcome), str(outcome["digest"]) or broker.ask("get")["digest"])


def test_a_broker_that_commits_on_refusal(unjudged_broker: ChaosBroker) -> None:
    unjudged_broker.start(
        "--betray", "commit-on-refusal", "--limit", "COMMIT_SECONDS=0.3", modules=("a", "b")
    )
    assert unjudged_broker.judge() == []
    unjudged_broker.write(b="refuse")
    expect(unjudged_broker.reload(), "committed", "partial")
    assert {"P2", "P3"} <= promises(unjudged_broker.judge())


def test_a_module_that_applies_in_prepare(unjudged_broker: ChaosBroker) -> None:
    unjudged_broker.start(modules=("a",))
    unjudged_broker.has_loaded("hasty", HASTY)
    assert unjudged_broker.judge() == []
    unjudged_broker.write(a="refuse")
    unjudged_broker.refuses()
    assert {"P1", "P3"} <= promises(unjudged_broker.judge())


@pytest.mark.parametrize("generation", [2, 3], ids=["in the middle", "the last"])
def test_a_row_removed_from_the_ledger(unjudged_broker: ChaosBroker, generation: int) -> None:
    unjudged_broker.start(modules=("a",))
    answers = []
    for _ in range(2):
        unjudged_broker.write()
        outcome = unjudged_broker.commits()
        answers.append(answered(unjudged_broker, outcome))
    assert unjudged_broker.judge(*answers) == []
    unjudged_broker.end()
    with (
        closing(sqlite3.connect(unjudged_broker.statedir / "ledger.sqlite")) as connection,
        connection,
    ):
        connection.execute("DELETE FROM decisions WHERE generation = ?", (generation,))
    assert {"P1", "P6"} <= promises(unjudged_broker.judge(*answers))


def test_a_module_that_goes_back(unjudged_broker: ChaosBroker) -> None:
    unjudged_broker.start(modules=("a",))
    first = unjudged_broker.ask("get")["digest"]
    unjudged_broker.write()
    unjudged_broker.commits()
    assert unjudged_broker.judge() == []
    records_of_a = unjudged_broker.diary_of("a")
    line = records_of_a[-1]
    with unjudged_broker.diary.open("a") as diary:
        diary.write(
            f'{{"module": "a", "pid": {line.pid}, "what": "ran", "digest": "{first}", "at": 0}}\n'
        )
    assert promises(unjudged_broker.judge()) == {"P4"}
    assert "P5" in promises(unjudged_broker.judge_at_rest())


def test_an_outcome_that_is_not_true(unjudged_broker: ChaosBroker) -> None:
    unjudged_broker.start(modules=("a",))
    outcome = {"result": "committed", "generation": 7, "digest": "d" * 64}
    assert promises(unjudged_broker.judge(Answered(outcome, "d" * 64))) == {"P6"}
    denied = {"result": "refused", "generation": 0}
    assert promises(
        unjudged_broker.judge(Answered(denied, unjudged_broker.ask("get")["digest"]))
    ) == {"P6"}
    assert promises(answered_in_time([Answered(outcome, "", 3.0)], slack=1.0)) == {"P8"}
    evidence.write("a", "ran", "e" * 64, str(unjudged_broker.diary))
    assert "P1" in promises(unjudged_broker.judge())
