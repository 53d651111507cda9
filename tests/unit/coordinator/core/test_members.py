# SPDX-License-Identifier: LGPL-3.0-or-later
"""A member's state, and since when it has it."""

from typing import Any

import pytest

from coordinator.core.effects import Send
from coordinator.core.events import Asked, Begin, Died, Event, Received, Started, Stop
from coordinator.core.machine import Coordinator
from coordinator.core.members import Member, MemberInput, MemberState
from coordinator.core.requests import LoadRequest, RemoveRequest, Spec
from protocol.configuration import EMPTY
from protocol.messages import Applied, Join, Refuse
from protocol.transitions import Forbidden
from tests.support.memory_disk import forced


def running_since_two() -> Coordinator:
    """A coordinator with one module, that runs what is in force since two seconds."""
    machine = Coordinator(1, ledger="here")
    forced(machine, 0.0, Begin(files=EMPTY))
    for now, event in (
        (1.0, Asked(1, LoadRequest("a", Spec("a")))),
        (1.1, Started("a", 1, 7)),
        (1.2, Received(b"a", Join("", 0, "a-1", "a", 1, 0, "", None, 7, "a-1.1", "{}"))),
        (2.0, Received(b"a", Applied(1, "a-1", 1, EMPTY.digest, True))),
    ):
        machine.step(now, event)
    assert the_member(machine).state is MemberState.RUNNING
    assert the_member(machine).since == 2.0
    return machine


def the_member(machine: Coordinator) -> Member:
    (member,) = machine.members
    return member


@pytest.mark.parametrize("event", [Asked(2, RemoveRequest("a")), Stop()], ids=["remove", "stop"])
def test_a_leaving_member_shows_since_when_it_is_leaving(event: Event) -> None:
    machine = running_since_two()
    machine.step(5.0, event)
    assert the_member(machine).state is MemberState.LEAVING
    assert the_member(machine).since == 5.0


def test_one_without_a_process_cannot_be_joined_as() -> None:
    machine = running_since_two()
    machine.step(5.0, Died("a", 1, "killed"))
    step = machine.step(
        5.1, Received(b"x", Join("", 0, "a-2", "a", 1, 0, "", None, 0, "a-2.1", "{}"))
    )
    assert [type(effect.message) for effect in step.effects if isinstance(effect, Send)] == [Refuse]
    assert the_member(machine).state is MemberState.RESTARTING


def member(state: MemberState, **fields: Any) -> Member:
    return Member("m", state, 1.0, **fields)


def test_a_new_state_begins_now_and_ends_the_deadline_of_the_one_before() -> None:
    found = member(MemberState.JOINING, deadline=9.0)
    found.become(MemberState.RUNNING, MemberInput.APPLIED, 3.0)
    assert (found.state, found.since, found.deadline) == (MemberState.RUNNING, 3.0, None)


def test_one_that_stays_what_it_is_has_been_it_for_longer() -> None:
    found = member(MemberState.JOINING, deadline=9.0)
    found.become(MemberState.JOINING, MemberInput.JOIN, 3.0)
    assert (found.since, found.deadline) == (1.0, None)


def test_a_step_that_is_not_in_the_table_is_a_fault_of_the_program() -> None:
    for state, given in (
        (MemberState.RUNNING, MemberInput.DECLINED),
        (MemberState.FAILED, MemberInput.APPLIED),  # leads nowhere
    ):
        with pytest.raises(Forbidden):
            member(MemberState.FAILED).become(state, given, 2.0)
