# SPDX-License-Identifier: LGPL-3.0-or-later
"""A load that comes to nothing leaves nothing behind."""

from coordinator.core.effects import Answer, Kill
from coordinator.core.events import Asked, Begin, Died, Received, Started, TimePassed
from coordinator.core.machine import Coordinator
from coordinator.core.requests import LoadRequest, Spec
from coordinator.core.results import Result
from protocol import limits
from protocol.configuration import EMPTY
from protocol.messages import Leave
from protocol.reasons import Reason
from tests.support.memory_disk import forced
from tests.support.stage import Stage


def test_a_module_that_says_why_and_does_not_end_is_killed_at_the_deadline() -> None:
    machine = Coordinator(1, ledger="here")
    forced(machine, 0.0, Begin(files=EMPTY))
    machine.step(1.0, Asked(1, LoadRequest("a", Spec("a"), 10.0)))
    machine.step(1.1, Started("a", 1, 7))
    machine.step(1.2, Received(b"a", Leave(1, "a-1", "a", (Reason("a", "no such table"),))))
    late = machine.step(11.0, TimePassed()).effects
    assert Kill("a", 1) in late
    assert not any(isinstance(effect, Answer) for effect in late)
    (answer,) = (
        effect
        for effect in machine.step(11.1, Died("a", 1, "killed")).effects
        if isinstance(effect, Answer)
    )
    assert answer.outcome.result is Result.REFUSED
    assert [str(reason) for reason in answer.outcome.reasons] == ["a: no such table"]
    assert len(machine.members) == 0


def test_the_death_of_another_module_is_no_matter_of_a_load() -> None:
    stage = Stage()
    stage.child("b")
    stage.ask(1, LoadRequest("a", Spec("a")))
    stage.died("b")
    assert stage.untold(1)
    stage.started("a")
    stage.join("a")
    stage.applied("a")
    assert stage.told(1).result is Result.LOADED


def test_who_loads_a_module_whose_process_cannot_be_ended_is_answered() -> None:
    """It hangs in the kernel, and no signal ends it."""
    stage = Stage()
    stage.ask(1, LoadRequest("a", Spec("a"), 10.0))
    stage.started("a")
    for stage.now in (10.0, 10.0 + limits.SHUTDOWN_SECONDS, 60.0):
        stage.step(TimePassed())
    told = stage.told(1)
    assert told.result is Result.REFUSED
    assert "was not ready within 10 s" in str(told.reasons[0])
    assert not stage.machine.waiting
