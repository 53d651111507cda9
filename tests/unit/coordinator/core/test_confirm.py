# SPDX-License-Identifier: LGPL-3.0-or-later
"""Changes that are undone unless confirmed: the coordinator's machine, without a broker."""

from typing import Any

import pytest

from coordinator.core.decisions import Durable, Receipt, Unconfirmed
from coordinator.core.edit import Edit
from coordinator.core.effects import (
    Answer,
    ReadFiles,
    ReadGeneration,
    RecordAttempt,
    RecordEdit,
    Wake,
    WriteConfirmation,
)
from coordinator.core.events import (
    Asked,
    Begin,
    CandidateRead,
    ConfirmationWritten,
    Event,
    Forced,
    TimePassed,
)
from coordinator.core.machine import Coordinator
from coordinator.core.requests import ChangeRequest, ConfirmRequest, Earlier, FromFiles, Replacement
from coordinator.core.results import Outcome, Result
from protocol import limits
from protocol.configuration import Configuration

OLD, NEW, OTHER = (Configuration.of({"v": number}) for number in (1, 2, 3))


class Desk:
    """Drives a machine without modules, with a disk that answers when it is told to."""

    def __init__(self, unconfirmed: Unconfirmed | None = None) -> None:
        self.now = 0.0
        self.outcomes: dict[int, Outcome] = {}
        self.effects: list[Any] = []
        self.pending: list[Event] = []
        self.disk_works = True
        self._clients = iter(range(1, 100))
        self.machine = Coordinator(1, unconfirmed=unconfirmed, ledger="here")
        self.step(Begin(files=OLD))

    def step(self, event: Event) -> None:
        step = self.machine.step(self.now, event)
        self.effects.extend(step.effects)
        for effect in step.effects:
            if isinstance(effect, Answer):
                self.outcomes[effect.client] = effect.outcome
            if isinstance(effect, WriteConfirmation):
                self.pending.append(ConfirmationWritten(effect.generation))
        if step.force is not None:
            receipt = Receipt(step.force.txid, step.force.generation)
            self.pending.append(Forced(Durable(receipt, step.force, self.now)))
        while self.disk_works and self.pending:
            self.step(self.pending.pop(0))

    def ask(self, request: Any) -> Outcome | None:
        client = next(self._clients)
        self.step(Asked(client, request))
        return self.outcomes.get(client)

    def at(self, now: float) -> None:
        self.now = now
        self.step(TimePassed())

    @property
    def running(self) -> Configuration:
        assert self.machine.running is not None
        return self.machine.running.configuration


def change(to: Configuration, confirm: float | None = None, **more: Any) -> ChangeRequest:
    return ChangeRequest(Replacement(to), "load", confirm=confirm, **more)


@pytest.fixture
def desk() -> Desk:
    found = Desk()
    outcome = found.ask(change(NEW, confirm=60.0))
    assert outcome is not None
    assert outcome.confirm == 60.0
    assert found.running == NEW
    return found


def test_unconfirmed_it_is_undone_and_not_a_moment_earlier(desk: Desk) -> None:
    desk.at(59.9)
    assert desk.running == NEW
    assert any(isinstance(effect, Wake) and effect.at_monotonic == 60.0 for effect in desk.effects)
    desk.at(60.0)
    assert desk.running == OLD
    assert desk.machine.running is not None
    assert desk.machine.running.generation == 3
    assert desk.machine.running.decision.verb == "undo"
    assert desk.machine.unconfirmed is None


def test_confirmed_it_stays(desk: Desk) -> None:
    outcome = desk.ask(ConfirmRequest())
    assert outcome is not None
    assert outcome.result is Result.CONFIRMED
    desk.at(1000.0)
    assert desk.running == NEW


def test_it_counts_as_confirmed_only_when_that_is_on_disk(desk: Desk) -> None:
    desk.disk_works = False
    assert desk.ask(ConfirmRequest()) is None
    assert desk.machine.unconfirmed is not None
    desk.step(ConfirmationWritten(2, "disk full"))
    assert desk.outcomes.popitem()[1].result is Result.REFUSED
    desk.disk_works, desk.pending = True, []
    desk.at(60.0)
    assert desk.running == OLD


def test_a_confirmation_that_the_disk_keeps_waiting_is_told_to_be_unknown(desk: Desk) -> None:
    desk.disk_works = False
    assert desk.ask(ConfirmRequest(seconds=1.0)) is None
    desk.at(1.0)
    assert desk.outcomes.popitem()[1].result is Result.UNKNOWN


def test_meanwhile_nobody_else_changes_anything(desk: Desk) -> None:
    outcome = desk.ask(change(OTHER))
    assert outcome is not None
    assert outcome.result is Result.REFUSED
    assert "not confirmed" in str(outcome.reasons[0])
    assert desk.running == NEW
    dry = desk.ask(change(OTHER, dry_run=True))
    assert dry is not None
    assert dry.result is Result.VALID


@pytest.mark.parametrize("number", [None, 1])
def test_a_rollback_to_before_it_is_the_undo(desk: Desk, number: int | None) -> None:
    desk.ask(ChangeRequest(Earlier(number), "rollback"))
    recall = desk.effects[-1]
    assert isinstance(recall, ReadGeneration)
    assert recall.generation == 1
    desk.step(CandidateRead(recall.txid, OLD))
    assert desk.running == OLD
    assert desk.machine.unconfirmed is None
    desk.at(1000.0)
    assert desk.machine.running is not None
    assert desk.machine.running.generation == 3, "undone once, not twice"


def test_with_nothing_to_confirm_a_confirmation_fails() -> None:
    outcome = Desk().ask(ConfirmRequest())
    assert outcome is not None
    assert outcome.result is Result.REFUSED


def test_what_a_former_life_left_is_undone_in_this_one() -> None:
    """The start resumes; the deadline has come from the ledger."""
    before = Desk()
    before.ask(change(NEW, confirm=60.0))
    durable = before.machine.running
    machine = Coordinator(2, durable, {}, Unconfirmed(2, OLD, 5.0), ledger="here")
    assert any(
        isinstance(effect, Wake) and effect.at_monotonic == 5.0
        for effect in machine.step(0.0, Begin()).effects
    )
    assert machine.step(4.9, TimePassed()).force is None
    force = machine.step(5.0, TimePassed()).force
    assert force is not None
    assert force.configuration == OLD


def test_an_undo_that_fails_is_tried_again(desk: Desk) -> None:
    desk.disk_works = False
    desk.at(60.0)
    assert len(desk.pending) == 1
    desk.pending.clear()
    from coordinator.core.events import NotForced

    assert desk.machine.transaction is not None
    desk.step(NotForced(desk.machine.transaction.txid, "disk full"))
    desk.disk_works = True
    desk.at(60.0 + limits.UNDO_AGAIN_SECONDS - 0.1)
    assert desk.running == NEW
    desk.at(60.0 + limits.UNDO_AGAIN_SECONDS)
    assert desk.running == OLD


def test_files_that_were_undone_are_known_and_not_taken_again_by_a_restart() -> None:
    desk = Desk()
    desk.ask(ChangeRequest(FromFiles(), "reload", confirm=60.0))
    reading = desk.effects[-1]
    assert isinstance(reading, ReadFiles)
    desk.step(CandidateRead(reading.txid, NEW))
    desk.at(60.0)
    running = desk.machine.running
    assert running is not None
    assert (running.configuration, running.decision.files) == (OLD, NEW.digest)


def test_a_dry_run_and_an_unchanged_one_leave_nothing_to_confirm() -> None:
    desk = Desk()
    desk.ask(change(NEW, confirm=60.0, dry_run=True))
    assert desk.machine.unconfirmed is None
    outcome = desk.ask(change(OLD, confirm=60.0))
    assert outcome is not None
    assert outcome.result is Result.UNCHANGED
    assert outcome.confirm is None
    assert desk.machine.unconfirmed is None


def test_if_generation_holds_when_the_turn_comes_not_when_it_is_asked() -> None:
    desk = Desk()
    desk.disk_works = False
    desk.ask(change(NEW, if_generation=1))
    desk.ask(change(OTHER, if_generation=1))
    desk.disk_works = True
    desk.step(desk.pending.pop(0))
    first, second = desk.outcomes[1], desk.outcomes[2]
    assert (first.result, second.result) == (Result.COMMITTED, Result.REFUSED)
    assert "generation 2 is in force, not 1" in str(second.reasons[0])
    assert desk.running == NEW


def test_an_edit_is_made_to_what_runs_when_its_turn_comes() -> None:
    desk = Desk()
    desk.disk_works = False
    desk.ask(change(Configuration.of({"v": 5, "w": 6})))
    desk.ask(ChangeRequest(Edit(("v",), "9"), "set"))
    desk.disk_works = True
    desk.step(desk.pending.pop(0))
    assert desk.running.plain() == {"v": 9, "w": 6}
    (edited,) = (effect for effect in desk.effects if isinstance(effect, RecordEdit))
    assert edited.after == desk.running.digest


def test_an_edit_that_cannot_be_made_is_remembered_and_changes_nothing() -> None:
    desk = Desk()
    outcome = desk.ask(ChangeRequest(Edit(("nope",), "9"), "set"))
    assert outcome is not None
    assert outcome.result is Result.REFUSED
    assert desk.running == OLD
    assert any(isinstance(effect, RecordAttempt) for effect in desk.effects)
