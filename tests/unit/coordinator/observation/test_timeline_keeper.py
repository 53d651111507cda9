# SPDX-License-Identifier: LGPL-3.0-or-later
"""Pictures are written together, later, and by nobody who could be waited for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from coordinator.ledger.sqlite import SqliteLedger
from coordinator.observation.timeline_keeper import TimelineKeeper
from coordinator.observation.timelines import ChangeMoments
from coordinator.runtime.worker import Job, Then, result_of
from protocol import limits
from tests.unit.coordinator.observation.test_observer import Lines


class ByHand:
    """Timers and a worker that do what is in line when they are told to."""

    def __init__(self) -> None:
        self.alarms: list[tuple[float, Callable[[], None]]] = []
        self.jobs: list[tuple[Job, Then]] = []

    def now(self) -> float:
        return 10.0

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        self.alarms.append((moment, callback))

    def submit(self, job: Job, then: Then) -> None:
        self.jobs.append((job, then))

    def finish(self, seconds: float) -> None:
        raise AssertionError

    def work(self) -> None:
        for job, then in self.jobs:
            then(result_of(job))
        self.jobs.clear()


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    return SqliteLedger.open(str(tmp_path))


def picture(number: int) -> ChangeMoments:
    return ChangeMoments(f"1.{number}", "set", False, 1.0, 1.0, {"ended": 1.0})


def test_those_that_come_together_are_written_together(ledger: SqliteLedger) -> None:
    hand, lines = ByHand(), Lines()
    keeper = TimelineKeeper(ledger, hand, hand, lines)
    for number in range(3):
        keeper.keep(picture(number))
    assert [moment for moment, _ in hand.alarms] == [10.0 + limits.TIMELINE_WRITE_SECONDS]
    assert hand.jobs == []
    hand.alarms[0][1]()
    keeper.keep(picture(3))
    assert len(hand.jobs) == 1
    hand.work()
    keeper.write()  # at the end of the broker
    keeper.write()
    assert len(hand.jobs) == 1
    hand.work()
    found = ledger.history().timelines([f"1.{number}" for number in range(9)])
    assert sorted(found) == ["1.0", "1.1", "1.2", "1.3"]
    assert found["1.3"] == picture(3).as_json()
    assert lines.lines == []


def test_what_cannot_be_written_is_told_and_stops_nothing(ledger: SqliteLedger) -> None:
    hand, lines = ByHand(), Lines()
    keeper = TimelineKeeper(ledger, hand, hand, lines)
    ledger.close()
    keeper.keep(picture(1))
    keeper.write()
    hand.work()
    assert lines.shown() == [("warning", "timeline not written")]
