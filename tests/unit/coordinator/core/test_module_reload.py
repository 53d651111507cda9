# SPDX-License-Identifier: LGPL-3.0-or-later
"""A reload has one process of the module at a time."""

import pytest

from coordinator.core.effects import Kill, StartProcess
from coordinator.core.events import TimePassed
from coordinator.core.members import MemberState
from coordinator.core.requests import ModuleReloadRequest
from coordinator.core.results import Result
from protocol import limits
from protocol.messages import Refuse, Shutdown
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason
from tests.support.stage import Stage


@pytest.fixture
def stage() -> Stage:
    """A child `a` that runs what is in force."""
    return Stage.with_children("a")


def test_no_new_process_is_started_while_the_old_one_may_live(stage: Stage) -> None:
    stage.ask(1, ModuleReloadRequest("a"))
    stage.leaves("a")
    stage.cut("a")
    assert not stage.found(StartProcess), "its connection has ended, and it may not have"
    stage.died("a")
    assert len(stage.found(StartProcess)) == 1
    stage.started("a")
    stage.join("a")
    stage.applied("a")
    assert stage.told(1).result is Result.RELOADED


@pytest.mark.parametrize("connected", [True, False])
def test_one_that_is_not_asked_to_end_is_waited_for_once(stage: Stage, connected: bool) -> None:
    if not connected:
        stage.cut("a")
    stage.ask(1, ModuleReloadRequest("a", cancel=connected))
    assert not stage.sent(Shutdown)
    stage.now = limits.SHUTDOWN_SECONDS
    stage.step(TimePassed())
    told = stage.told(1)
    assert (told.result, told.reasons[0].message) == (Result.FAILED, "cannot be ended")


def test_one_that_is_attached_is_not_ours_to_start_anew(stage: Stage) -> None:
    stage.attach("b")
    stage.clear()
    stage.ask(1, ModuleReloadRequest("b"))
    told = stage.told(1)
    assert told.result is Result.REFUSED
    assert [reason.code for reason in told.reasons] == [ReasonCode.CONFLICT]
    assert "attached, not loaded" in told.reasons[0].message
    assert not stage.sent(Shutdown)
    assert stage.member("b").state is MemberState.RUNNING


def test_the_death_of_another_module_is_no_matter_of_a_reload(stage: Stage) -> None:
    stage.child("b")
    stage.clear()
    stage.ask(1, ModuleReloadRequest("a"))
    stage.died("b")
    assert not stage.found(StartProcess)
    assert stage.member("a").state is MemberState.LEAVING


def test_who_is_early_is_told_when_the_reload_is_given_up(stage: Stage) -> None:
    """The report of its process does not come: the one to fork it from hangs, or has died."""
    stage.ask(1, ModuleReloadRequest("a", 7.0))
    stage.died("a")
    stage.join("a", peer=b"early", pid=77)
    stage.now = 7.0
    stage.step(TimePassed())
    stage.clear()
    stage.now += limits.SHUTDOWN_SECONDS
    stage.step(TimePassed())
    assert stage.told(1).result is Result.FAILED
    (refuse,) = stage.sent(Refuse, "early")
    assert "a did not come up when it was reloaded" in refuse.why


def test_a_new_process_that_is_not_ready_in_time_is_killed(stage: Stage) -> None:
    stage.ask(1, ModuleReloadRequest("a", 7.0))
    stage.died("a")
    stage.started("a")
    stage.join("a")
    stage.clear()
    stage.now = 7.0
    stage.step(TimePassed())
    assert stage.found(Kill) == [Kill("a", stage.tickets["a"])]
    assert stage.untold(1)
    stage.died("a")
    (reason,) = stage.told(1).reasons
    assert reason.message == "was not ready within 7 s (it is joining)"
    assert stage.member("a").state is MemberState.FAILED


def test_what_the_new_process_says_when_it_leaves_is_why_it_failed(stage: Stage) -> None:
    why = Reason("a", "finds no resources")
    stage.ask(1, ModuleReloadRequest("a"))
    stage.died("a")
    stage.started("a")
    stage.join("a")
    stage.leaves("a", why)
    stage.died("a", "exited with status 1")
    told = stage.told(1)
    assert (told.result, told.reasons) == (Result.FAILED, (why,))
    assert stage.member("a").why == "did not come up when it was reloaded: finds no resources"


def test_what_another_says_when_it_leaves_is_not_why(stage: Stage) -> None:
    stage.attach("b")
    stage.ask(1, ModuleReloadRequest("a"))
    stage.died("a")
    stage.started("a")
    stage.join("a")
    stage.leaves("b", Reason("b", "is not needed"))
    stage.died("a", "exited with status 1")
    (reason,) = stage.told(1).reasons
    assert str(reason) == "a: died (exited with status 1) before it was ready"


def test_a_process_that_was_given_up_does_not_come_back_by_a_late_answer(stage: Stage) -> None:
    stage.ask(1, ModuleReloadRequest("a"))
    for _ in range(2):  # asked to end, then killed
        stage.now += limits.SHUTDOWN_SECONDS
        stage.step(TimePassed())
    assert stage.told(1).result is Result.FAILED
    stage.applied("a")
    assert stage.member("a").state is MemberState.FAILED
    assert stage.member("a").pid == 0
    stage.join("a", pid=1, peer=b"another")
    (refused,) = stage.sent(Refuse)
    assert refused.why == "the name a is taken by a module that is failed"
