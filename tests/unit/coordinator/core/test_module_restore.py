# SPDX-License-Identifier: LGPL-3.0-or-later
"""Values that a restart was to try, and that were never run with, do not hold up the next ones."""

import pytest

from coordinator.core.events import TimePassed
from coordinator.core.members import Member, MemberState
from coordinator.core.operations.module_restore import can_restore
from coordinator.core.requests import ChangeRequest, ConfigureRequest, Earlier, Spec
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


OURS, FAILED = Spec("a"), MemberState.FAILED
LONG = "1" * (limits.ARGUMENTS_LENGTH + 1)


@pytest.mark.parametrize(
    ("state", "untried", "spec", "value", "dry_run", "restarts"),
    [
        (FAILED, False, OURS, "1", False, True),
        (MemberState.JOINING, True, OURS, "1", False, True),
        (MemberState.JOINING, False, OURS, "1", False, False),
        (MemberState.RUNNING, True, OURS, "1", False, False),
        (FAILED, False, None, "1", False, False),
        (FAILED, False, OURS, "1", True, False),
        (FAILED, False, OURS, None, False, False),
        (FAILED, False, OURS, LONG, False, False),
    ],
)
def test_only_what_is_ours_and_cannot_be_asked_is_restarted_and_for_a_change(
    state: MemberState, untried: bool, spec: Spec | None, value: str | None, dry_run: bool,
    restarts: bool,
) -> None:  # fmt: skip
    member = Member("a", state, 0.0, spec=spec, runtime_untried=untried)
    assert can_restore(member, ConfigureRequest("a", (("x", value),), dry_run=dry_run)) is restarts
    assert not can_restore(None, ConfigureRequest("a", (("x", value),)))
