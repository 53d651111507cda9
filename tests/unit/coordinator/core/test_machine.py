# SPDX-License-Identifier: LGPL-3.0-or-later
"""The machine as such: what is read of it, and what it makes of messages that fit nothing."""

import pytest

from coordinator.core.decisions import Provisional
from coordinator.core.effects import Answer
from coordinator.core.events import Asked, Stop, TimePassed
from coordinator.core.machine import Coordinator
from coordinator.core.requests import ChangeRequest, Replacement
from coordinator.core.results import Result
from tests.support.stage import NEW, OLD, OTHER, Stage, ran


def test_one_that_has_not_begun_can_be_read() -> None:
    machine = Coordinator(4, ledger="here")
    assert (machine.epoch, machine.generation, machine.running) == (4, 0, None)
    assert (machine.decided, machine.waiting, machine.refused_start) == ({}, 0, ())
    assert (machine.unconfirmed, machine.transaction) == (None, None)
    assert not machine.is_provisional
    assert len(machine.members) == 0


def test_what_the_ledger_has_is_known_before_it_begins() -> None:
    last = ran()
    machine = Coordinator(4, last, {last.receipt.txid: last.receipt}, ledger="here")
    assert (machine.generation, machine.running) == (last.generation, last)
    assert machine.decided == {last.receipt.txid: last.receipt}


@pytest.mark.parametrize("undoes", [True, False])
def test_what_a_former_life_may_have_had_to_undo_concerns_one_that_undoes(undoes: bool) -> None:
    last = ran()
    machine = Coordinator(
        2, last, {last.receipt.txid: last.receipt}, ledger="here", undo_failures=undoes,
        provisional=Provisional(last.generation, OLD),
    )  # fmt: skip
    assert machine.is_provisional == undoes


def test_who_waits_when_it_is_told_to_stop_is_answered_once() -> None:
    stage = Stage()
    stage.child("a")
    stage.step(Asked(1, ChangeRequest(Replacement(NEW), "load")))
    stage.step(Asked(2, ChangeRequest(Replacement(OTHER), "load", seconds=1.0)))
    stage.step(Stop())
    for stage.now in (1.0, 2.0):
        stage.step(TimePassed())
    (answer,) = (answer for answer in stage.found(Answer) if answer.client == 2)
    assert answer.outcome.result is Result.REFUSED
    assert "the broker is stopping" in str(answer.outcome.reasons[0])
