# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is unconfirmed: more time for it, the way back from it, and a disk that does not answer."""

import pytest

from coordinator.api.status import status
from coordinator.core.effects import Halt, WriteLog
from coordinator.core.events import ConfirmationWritten, HungUp, Stop, TimePassed
from coordinator.core.requests import (
    ChangeRequest,
    ConfirmRequest,
    Earlier,
    LoadRequest,
    ModuleReloadRequest,
    RemoveRequest,
    Spec,
)
from coordinator.core.results import Result
from protocol import limits
from protocol.messages import Prepare
from protocol.reasons import Reason
from tests.support.stage import EMPTY, NEW, OLD, OTHER, Stage

WHY = Reason("a", "has no mind to")


def unconfirmed() -> Stage:
    """NEW is generation 2, and unconfirmed for a minute."""
    stage = Stage()
    stage.change(1, NEW, confirm=60.0)
    assert stage.told(1).confirm == 60.0
    stage.clear()
    return stage


def test_more_time_that_could_not_be_written_is_no_more_time() -> None:
    stage = unconfirmed()
    stage.change(2, NEW, confirm=600.0)
    stage.step(ConfirmationWritten(2, "disk full"))
    told = stage.told(2)
    assert told.result is Result.REFUSED
    assert told.reasons[0].message == "the new time could not be written: disk full"
    assert stage.machine.unconfirmed is not None
    assert stage.machine.unconfirmed.due_monotonic == 60.0


def test_more_time_that_the_disk_is_silent_about_is_unknown() -> None:
    stage = unconfirmed()
    stage.change(2, NEW, confirm=600.0, seconds=5.0)
    stage.now = 4.9
    stage.step(TimePassed())
    assert stage.untold(2)
    stage.now = 5.0
    stage.step(TimePassed())
    assert stage.told(2).result is Result.UNKNOWN
    stage.step(ConfirmationWritten(2))
    assert stage.machine.unconfirmed is not None
    assert stage.machine.unconfirmed.due_monotonic == 605.0


def test_a_stop_leaves_the_disk_as_long_as_a_shutdown_takes() -> None:
    stage = unconfirmed()
    stage.child("a")
    stage.change(2, NEW, confirm=600.0)
    stage.step(Stop())
    assert stage.untold(2)
    stage.now = limits.SHUTDOWN_SECONDS
    stage.step(TimePassed())
    assert stage.told(2).result is Result.UNKNOWN
    assert stage.found(Halt)


@pytest.mark.parametrize("hangs_up", [1, 2])
def test_a_confirmation_is_written_whoever_hangs_up(hangs_up: int) -> None:
    stage = unconfirmed()
    stage.ask(2, ConfirmRequest())
    stage.step(HungUp(hangs_up))
    stage.step(ConfirmationWritten(2))
    assert stage.machine.unconfirmed is None
    assert stage.untold(2) == (hangs_up == 2)


@pytest.mark.parametrize("generation", [None, 1, 2])
def test_what_is_unconfirmed_may_be_left_for_what_ran_before(generation: int | None) -> None:
    stage = unconfirmed()
    stage.ask(2, ChangeRequest(Earlier(generation), "rollback"))
    if generation == 2:
        assert "is not confirmed yet" in stage.told(2).reasons[0].message
        return
    stage.read(OLD)
    assert stage.told(2).result is Result.COMMITTED
    assert stage.machine.unconfirmed is None


def test_what_is_unconfirmed_bars_a_rollback_to_what_is_older_still() -> None:
    stage = Stage()
    for client, to in enumerate((NEW, OTHER), 1):
        stage.change(client, to)
    stage.change(3, EMPTY, confirm=60.0)
    assert stage.machine.generation == 4
    for client, generation in enumerate((1, 2, 4), 10):
        stage.ask(client, ChangeRequest(Earlier(generation), "rollback"))
        assert "generation 4 is not confirmed yet" in stage.told(client).reasons[0].message
    assert stage.machine.unconfirmed is not None
    assert stage.machine.unconfirmed.before == OTHER


def test_an_undo_lets_what_takes_an_objector_away_go_first() -> None:
    stage = Stage()
    stage.child("a")
    stage.change(1, NEW, confirm=60.0)
    stage.vote("a")
    stage.applied("a")
    stage.now = 59.0
    stage.change(2, OTHER, dry_run=True, seconds=100.0)
    stage.ask(3, LoadRequest("a", Spec("a"), 100.0))
    stage.ask(4, ModuleReloadRequest("nobody", 100.0))
    stage.ask(5, RemoveRequest("nobody", 100.0))
    stage.now = 60.0
    stage.step(TimePassed())
    stage.vote("a")
    assert stage.told(2).result is Result.VALID
    assert stage.told(5).result is Result.REFUSED, "a removal goes first"
    assert stage.untold(3), "what runs takes nobody away"
    assert stage.untold(4)
    assert stage.machine.transaction is not None
    assert stage.machine.transaction.request.verb == "undo"


def test_an_undo_is_in_the_log_and_asks_again_later_if_it_is_refused() -> None:
    stage = Stage()
    stage.child("a")
    stage.change(1, NEW, confirm=60.0)
    stage.vote("a")
    stage.applied("a")
    for due in (60.0, 60.0 + limits.UNDO_AGAIN_SECONDS):
        stage.clear()
        stage.now = due - 0.1
        stage.step(TimePassed())
        assert not stage.sent(Prepare)
        stage.now = due
        stage.step(TimePassed())
        logged = [log for log in stage.found(WriteLog) if log.event == "unconfirmed"]
        assert [dict(log.fields)["generation"] for log in logged] == [2]
        assert [prepare.digest for prepare in stage.sent(Prepare)] == [OLD.digest]
        stage.vote("a", False, WHY)
    assert stage.machine.unconfirmed is not None


def test_the_status_does_not_tell_an_undo_in_progress_of_more_time() -> None:
    """The time of the next attempt is none that anybody has left for a confirmation."""
    stage = Stage()
    stage.child("a")
    stage.change(1, NEW, confirm=60.0)
    stage.vote("a")
    stage.applied("a")
    left = []
    for stage.now in (50.0, 60.0, 61.0):
        stage.step(TimePassed())
        left.append(status(stage.machine, stage.now)["unconfirmed"]["seconds"])
    stage.vote("a", False, WHY)
    left.append(status(stage.machine, stage.now)["unconfirmed"]["seconds"])
    assert left == [10.0, 0.0, 0.0, limits.UNDO_AGAIN_SECONDS - 1.0]


def test_a_confirmation_names_what_it_keeps() -> None:
    stage = unconfirmed()
    stage.ask(2, ConfirmRequest())
    stage.step(ConfirmationWritten(2))
    told = stage.told(2)
    assert (told.result, told.generation, told.digest) == (Result.CONFIRMED, 2, NEW.digest)
