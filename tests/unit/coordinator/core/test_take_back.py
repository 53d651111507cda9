# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the stories of undone changes do not show: refusals, hang-ups, a stop, lateness."""

from typing import Any

import pytest

from coordinator.core.decisions import Decision, Durable, Provisional, Receipt
from coordinator.core.effects import Answer, RecordKept
from coordinator.core.events import (
    Asked,
    Begin,
    Died,
    Event,
    HungUp,
    Received,
    Stop,
    TimePassed,
    Unreachable,
)
from coordinator.core.machine import Coordinator
from coordinator.core.operations.completion import Completion
from coordinator.core.operations.take_back import TakeBack
from coordinator.core.requests import ChangeRequest, Replacement
from coordinator.core.results import Outcome, Result
from protocol import limits
from protocol.configuration import EMPTY, Configuration
from protocol.messages import Applied, Join, Vote
from protocol.reasons import Reason
from tests.support.memory_disk import forced

OLD, NEW = EMPTY, Configuration.of({"v": 2})


class Room:
    """A machine that undoes failures, and attached participants."""

    def __init__(self, machine: Coordinator) -> None:
        self.machine = machine
        self.now = 0.0
        self.effects: list[Any] = []
        self.step(Begin(files=OLD if machine.running is None else None))

    def step(self, event: Event) -> None:
        self.effects += forced(self.machine, self.now, event)

    def join(self, name: str, pid: int) -> None:
        join = Join("", 0, f"{name}-1", name, 2, 0, "", None, pid, f"{name}-1.1", "{}")
        self.step(Received(name.encode(), join))

    def vote(self, name: str, yes: bool = True) -> None:
        change = self.machine.transaction
        assert change is not None
        why = () if yes else (Reason(name, "no way back"),)
        epoch = self.machine.epoch
        self.step(Received(name.encode(), Vote(epoch, f"{name}-1", change.txid, yes, why)))

    def applied(self, name: str, why: str = "") -> None:
        running = self.machine.running
        assert running is not None
        reasons = (Reason(name, why),) if why else ()
        digest = running.configuration.digest
        said = Applied(
            self.machine.epoch, f"{name}-1", running.generation, digest, not why, reasons
        )
        self.step(Received(name.encode(), said))

    def told(self) -> list[Outcome]:
        return [effect.outcome for effect in self.effects if isinstance(effect, Answer)]

    def kept(self) -> bool:
        return any(isinstance(effect, RecordKept) for effect in self.effects)


@pytest.fixture
def room() -> Room:
    """Generation 2 is decided; neither a nor b has applied it."""
    found = Room(Coordinator(1, ledger="here", undo_failures=True))
    for pid, name in enumerate(("a", "b"), 100):
        found.join(name, pid)
        found.applied(name)
    found.step(Asked(1, ChangeRequest(Replacement(NEW), "load")))
    found.vote("a")
    found.vote("b")
    assert found.machine.generation == 2
    return found


@pytest.fixture
def next_life() -> Room:
    """The coordinator of generation 2 died; the ledger holds that it is provisional."""
    decision = Decision(2, "1.2", 1, NEW, None, ("a", "b"), provisional=True)
    durable = Durable(Receipt("1.2", 2), decision)
    return Room(
        Coordinator(
            2, durable, {}, ledger="here", undo_failures=True, provisional=Provisional(2, OLD)
        )
    )


def test_it_is_open_until_all_have_applied_it_and_its_decision_is_known(room: Room) -> None:
    room.applied("a")
    assert room.machine.is_provisional
    room.applied("b")
    assert not room.machine.is_provisional
    running = room.machine.running
    assert running is not None
    assert room.machine.decided[running.receipt.txid] == running.receipt


def test_who_is_gone_is_no_reason_to_undo(room: Room) -> None:
    room.applied("a")
    member = room.machine.members.get("b")
    assert member is not None
    room.step(Died("b", member.ticket, "killed"))
    assert room.told()[-1].result is Result.PARTIAL
    assert room.machine.generation == 2
    assert room.kept()


def test_who_is_cut_off_at_the_deadline_is_none_either(room: Room) -> None:
    room.applied("a")
    room.step(Unreachable(b"b"))
    room.now = limits.COMMIT_SECONDS
    room.step(TimePassed())
    assert room.told()[-1].result is Result.PARTIAL
    assert room.kept()


def test_who_is_there_and_late_is(room: Room) -> None:
    room.applied("a")
    room.now = limits.COMMIT_SECONDS
    room.step(TimePassed())
    assert isinstance(room.machine.operation, TakeBack)


def test_the_history_will_say_what_was_undone_and_why(room: Room) -> None:
    room.applied("a")
    room.applied("b", "no socket")
    undo = room.machine.transaction
    assert undo is not None
    assert undo.request.message == "undoes generation 2: b: failed in commit: no socket"
    assert undo.request.who.command == "undo of generation 2"


@pytest.mark.parametrize("verb", ["load", "unset"])
def test_whatever_is_asked_for_is_undone(verb: str) -> None:
    room = Room(Coordinator(1, ledger="here", undo_failures=True))
    room.join("a", 100)
    room.applied("a")
    room.step(Asked(1, ChangeRequest(Replacement(NEW), verb)))
    room.vote("a")
    room.applied("a", "no socket")
    assert isinstance(room.machine.operation, TakeBack)


def test_an_undo_that_is_refused_is_tried_again(room: Room) -> None:
    room.applied("a")
    room.applied("b", "no socket")
    room.vote("a", yes=False)
    (told,) = room.told()
    assert told.result is Result.PARTIAL
    assert [reason.message for reason in told.reasons] == [
        "failed in commit: no socket",
        "generation 2 could not be undone yet",
        "no way back",
    ]
    room.now = limits.UNDO_AGAIN_SECONDS
    room.step(TimePassed())
    room.vote("a")
    room.applied("a")
    room.applied("b")
    assert room.machine.generation == 3
    assert room.machine.running is not None
    assert room.machine.running.configuration == OLD
    assert room.machine.operation.over


def test_a_client_that_goes_away_stops_no_undo(room: Room) -> None:
    room.step(HungUp(1))
    room.applied("a")
    room.applied("b", "no socket")
    room.step(HungUp(1))
    room.vote("a")
    assert room.machine.generation == 3
    assert not room.told()


def test_a_coordinator_that_stops_leaves_the_undo_to_the_next_life(room: Room) -> None:
    room.applied("a")
    room.step(Stop())
    room.applied("b", "no socket")
    (told,) = room.told()
    assert told.result is Result.PARTIAL
    assert told.reasons[-1].message.startswith("not undone yet")
    assert not room.kept()


def test_the_next_life_keeps_what_all_apply(next_life: Room) -> None:
    next_life.join("a", 100)
    next_life.applied("a")
    assert isinstance(next_life.machine.operation, Completion)
    next_life.join("b", 101)
    next_life.applied("b")
    assert next_life.machine.operation.over
    assert next_life.kept()


def test_the_next_life_undoes_what_one_does_not_come_to_run(next_life: Room) -> None:
    next_life.join("a", 100)
    next_life.applied("a")
    next_life.join("b", 101)
    next_life.now = limits.REJOIN_SECONDS
    next_life.step(TimePassed())
    assert isinstance(next_life.machine.operation, Completion)
    next_life.applied("b", "no socket")
    assert isinstance(next_life.machine.operation, TakeBack)
    next_life.vote("a")
    assert next_life.machine.generation == 3


def test_the_next_life_keeps_what_runs_where_a_voter_does_not_come_back(next_life: Room) -> None:
    next_life.join("a", 100)
    next_life.applied("a")
    next_life.now = limits.COMMIT_SECONDS / 2
    next_life.step(Unreachable(b"a"))
    assert not next_life.kept()
    next_life.now = limits.COMMIT_SECONDS
    next_life.step(TimePassed())
    assert next_life.kept(), "who is not there does not run anything else"
    assert next_life.machine.generation == 2


def test_a_life_that_is_stopped_leaves_it_to_the_one_after(next_life: Room) -> None:
    next_life.step(Stop())
    assert next_life.machine.halted
    assert not next_life.kept()


def test_without_the_option_nothing_is_undone() -> None:
    found = Room(Coordinator(1, ledger="here", provisional=Provisional(1, OLD)))
    assert found.machine.shared.provisional is None


def test_the_client_is_told_the_time_of_the_change_and_of_its_undo(room: Room) -> None:
    room.now = 1.0
    room.applied("a")
    room.applied("b", "no socket")
    room.now = 3.0
    room.vote("a")
    room.applied("a")
    room.now = 4.0
    room.applied("b")
    (told,) = room.told()
    assert (told.result, told.seconds) == (Result.UNDONE, 4.0)
