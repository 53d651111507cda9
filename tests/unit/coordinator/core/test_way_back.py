# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the stories of the way back do not show: exit statuses, dry runs, a disk that refuses."""

from typing import Any

import pytest

from coordinator.core.effects import Answer, Kill, RecordNotApplied, Send
from coordinator.core.events import (
    Asked,
    Begin,
    CandidateRead,
    Event,
    NotForced,
    Received,
    TimePassed,
)
from coordinator.core.machine import Coordinator
from coordinator.core.requests import ChangeRequest, Earlier, Replacement
from coordinator.core.results import Outcome, Result
from protocol.configuration import EMPTY, Configuration
from protocol.messages import Abort, Applied, Join, Prepare, Vote
from tests.support.memory_disk import forced

OLD, NEW = EMPTY, Configuration.of({"v": 2})


class Room:
    """A machine, and attached participants that are well unless it is told otherwise."""

    def __init__(self, *names: str) -> None:
        self.machine = Coordinator(1, ledger="here")
        self.now = 0.0
        self.effects: list[Any] = []
        self.step(Begin(files=OLD))
        for pid, name in enumerate(names, 100):
            join = Join("", 0, f"{name}-1", name, 2, 0, "", None, pid, f"{name}-1.1", "{}")
            self.step(Received(name.encode(), join))
            self.applied(name)

    def step(self, event: Event) -> None:
        self.effects += forced(self.machine, self.now, event)

    def vote(self, name: str, yes: bool = True) -> None:
        change = self.machine.transaction
        assert change is not None
        self.step(Received(name.encode(), Vote(1, f"{name}-1", change.txid, yes)))

    def applied(self, name: str) -> None:
        running = self.machine.running
        assert running is not None
        digest = running.configuration.digest
        self.step(
            Received(name.encode(), Applied(1, f"{name}-1", running.generation, digest, True))
        )

    def rollback(self, dry_run: bool = False) -> None:
        self.step(Asked(7, ChangeRequest(Earlier(), "rollback", dry_run=dry_run)))
        change = self.machine.transaction
        assert change is not None
        self.step(CandidateRead(change.txid, OLD))

    def told(self) -> Outcome:
        return [effect.outcome for effect in self.effects if isinstance(effect, Answer)][-1]


@pytest.fixture
def room() -> Room:
    """On the new configuration; a and b run it."""
    found = Room("a", "b")
    found.step(Asked(1, ChangeRequest(Replacement(NEW), "load")))
    for name in ("a", "b"):
        found.vote(name)
    for name in ("a", "b"):
        found.applied(name)
    assert found.told().result is Result.COMMITTED
    found.effects.clear()
    return found


def test_a_dry_run_of_it_excuses_who_hangs_and_touches_nobody(room: Room) -> None:
    room.rollback(dry_run=True)
    room.vote("a")
    room.now = 10.0
    room.step(TimePassed())
    assert room.told().result is Result.VALID
    assert not any(isinstance(effect, Kill) for effect in room.effects)
    assert len(room.machine.members.running()) == 2


def test_who_was_excused_may_be_prepared_and_is_told_of_an_abort(room: Room) -> None:
    room.rollback()
    room.vote("a", yes=False)
    room.now = 10.0
    room.step(TimePassed())
    assert room.told().result is Result.REFUSED
    (abort,) = (
        effect
        for effect in room.effects
        if isinstance(effect, Send) and isinstance(effect.message, Abort)
    )
    assert abort.peers == (b"b",)


def test_who_was_excused_is_told_of_a_decision_that_could_not_be_written(room: Room) -> None:
    room.rollback()
    room.vote("a")
    room.now = 10.0
    change = room.machine.transaction
    assert change is not None
    step = room.machine.step(room.now, TimePassed())
    assert step.force is not None
    assert step.force.members == ("a",)
    effects = room.machine.step(room.now, NotForced(change.txid, "disk full")).effects
    (abort,) = (
        effect
        for effect in effects
        if isinstance(effect, Send) and isinstance(effect.message, Abort)
    )
    assert abort.peers == (b"a", b"b")
    assert len(room.machine.members.running()) == 2, "nothing has changed"


def test_an_attached_one_that_hangs_is_offered_it_and_named_until_it_has_applied_it(
    room: Room,
) -> None:
    room.rollback()
    room.vote("a")
    room.now = 10.0
    room.step(TimePassed())
    room.applied("a")
    room.now = 20.0
    room.step(TimePassed())
    told = room.told()
    assert (told.result, told.not_applied) == (Result.PARTIAL, ("b",))
    assert RecordNotApplied(3, ("b",)) in room.effects


def test_one_that_hangs_in_commit_has_no_vote_on_leaving_it(room: Room) -> None:
    room.step(Asked(1, ChangeRequest(Replacement(OLD), "load")))
    for name in ("a", "b"):
        room.vote(name)
    room.applied("a")
    room.now = 10.0
    room.step(TimePassed())
    assert room.told().not_applied == ("b",)
    room.effects.clear()
    room.step(Asked(2, ChangeRequest(Earlier(2), "rollback")))
    change = room.machine.transaction
    assert change is not None
    room.step(CandidateRead(change.txid, NEW))
    (asked,) = (
        effect
        for effect in room.effects
        if isinstance(effect, Send) and isinstance(effect.message, Prepare)
    )
    assert asked.peers == (b"a",)
