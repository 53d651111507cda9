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
    return {one.partition(":")[0] for one in violations}


def answered(house: ChaosBroker, outcome: dict[str, object]) -> Answered:
    """An outcome as the judges want it."""
    return Answered(dict(outcome), str(outcome["digest"]) or house.ask("get")["digest"])


def test_a_broker_that_commits_on_refusal(den: ChaosBroker) -> None:
    den.start("--betray", "commit-on-refusal", "--limit", "COMMIT_SECONDS=0.3", modules=("a", "b"))
    assert den.judge() == []
    den.write(b="refuse")
    expect(den.reload(), "committed", "partial")
    assert {"P2", "P3"} <= promises(den.judge())


def test_a_module_that_applies_in_prepare(den: ChaosBroker) -> None:
    den.start(modules=("a",))
    den.has_loaded("hasty", HASTY)
    assert den.judge() == []
    den.write(a="refuse")
    den.refuses()
    assert {"P1", "P3"} <= promises(den.judge())


@pytest.mark.parametrize("generation", [2, 3], ids=["in the middle", "the last"])
def test_a_row_removed_from_the_ledger(den: ChaosBroker, generation: int) -> None:
    den.start(modules=("a",))
    answers = []
    for _ in range(2):
        den.write()
        outcome = den.commits()
        answers.append(answered(den, outcome))
    assert den.judge(*answers) == []
    den.end()
    with closing(sqlite3.connect(den.statedir / "ledger.sqlite")) as connection, connection:
        connection.execute("DELETE FROM decisions WHERE generation = ?", (generation,))
    assert {"P1", "P6"} <= promises(den.judge(*answers))


def test_a_module_that_goes_back(den: ChaosBroker) -> None:
    den.start(modules=("a",))
    first = den.ask("get")["digest"]
    den.write()
    den.commits()
    assert den.judge() == []
    records_of_a = den.diary_of("a")
    line = records_of_a[-1]
    with den.diary.open("a") as diary:
        diary.write(
            f'{{"module": "a", "pid": {line.pid}, "what": "ran", "digest": "{first}", "at": 0}}\n'
        )
    assert promises(den.judge()) == {"P4"}
    assert "P5" in promises(den.judge_at_rest())


def test_an_outcome_that_is_not_true(den: ChaosBroker) -> None:
    den.start(modules=("a",))
    outcome = {"result": "committed", "generation": 7, "digest": "d" * 64}
    assert promises(den.judge(Answered(outcome, "d" * 64))) == {"P6"}
    denied = {"result": "refused", "generation": 0}
    assert promises(den.judge(Answered(denied, den.ask("get")["digest"]))) == {"P6"}
    assert promises(answered_in_time([Answered(outcome, "", 3.0)], slack=1.0)) == {"P8"}
    evidence.write("a", "ran", "e" * 64, str(den.diary))
    assert "P1" in promises(den.judge())
