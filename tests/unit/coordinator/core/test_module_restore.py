# SPDX-License-Identifier: LGPL-3.0-or-later
"""Values that a restart was to try, and that were never run with, do not hold up the next ones."""

from coordinator.core.events import TimePassed
from coordinator.core.members import MemberState
from coordinator.core.requests import ChangeRequest, ConfigureRequest, Earlier
from coordinator.core.results import Result
from protocol import limits
from protocol.messages import Shutdown
from tests.support.stage import NEW, OLD, Stage


def test_values_that_no_process_came_up_with_can_be_changed_while_one_tries_again() -> None:
    stage = Stage()
    stage.change(1, NEW)
    stage.child("a")
    for _ in range(limits.RESTART_DEATHS):
        stage.died("a")
        stage.now += limits.RESTART_LONGEST_SECONDS
        stage.step(TimePassed())
    stage.ask(2, ConfigureRequest("a", (("mode", "hang"),)))
    stage.started("a")
    stage.died("a")
    assert stage.told(2).result is Result.FAILED
    assert stage.member("a").state is MemberState.FAILED
    stage.ask(3, ChangeRequest(Earlier(), "rollback"))
    stage.read(OLD)
    stage.started("a")
    stage.join("a")
    stage.now += limits.COMMIT_SECONDS
    stage.step(TimePassed())
    assert stage.told(3).not_applied == ("a",)
    stage.died("a")
    stage.now += limits.RESTART_FIRST_SECONDS
    stage.step(TimePassed())
    stage.started("a")
    stage.join("a")
    assert stage.member("a").state is MemberState.JOINING
    stage.clear()
    stage.ask(4, ConfigureRequest("a", (("mode", "ok"),)))
    assert stage.sent(Shutdown, "a"), "nobody waits for what hangs over the values before"
    stage.died("a")
    stage.started("a")
    stage.join("a")
    stage.applied("a")
    assert stage.told(4).result is Result.CONFIGURED
