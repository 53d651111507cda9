# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the stories of the way back do not show: exit statuses, dry runs, a disk that refuses."""

from typing import Any

import pytest

from coordinator.core.effects import Answer, Kill, RecordNotApplied, Send, TellAdmit, WriteLog
from coordinator.core.events import (
    Asked,
    Begin,
    CandidateRead,
    Died,
    Event,
    NotForced,
    Received,
    TimePassed,
    Unreachable,
)
from coordinator.core.machine import Coordinator
from coordinator.core.members import MemberState
from coordinator.core.requests import ChangeRequest, Earlier, Replacement
from coordinator.core.results import Outcome, Result
from protocol import limits
from protocol.configuration import EMPTY, Configuration
from protocol.messages import Abort, Applied, Join, Prepare, Vote
from protocol.reasons import Reason
from tests.support.memory_disk import forced
from tests.support.stage import Stage

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


def test_who_is_cut_off_after_its_yes_is_held_to_it_on_the_way_back(room: Room) -> None:
    room.rollback()
    room.vote("a")
    room.step(Unreachable(b"a"))
    room.vote("b")
    decided = room.machine.running
    assert decided is not None
    assert decided.decision.members == ("a", "b")


def test_who_dies_after_its_yes_loses_its_vote_on_the_way_back(room: Room) -> None:
    room.rollback()
    room.vote("a")
    member = room.machine.members.get("a")
    assert member is not None
    room.step(Died("a", member.ticket, "killed"))
    room.vote("b")
    decided = room.machine.running
    assert decided is not None
    assert decided.decision.members == ("b",)


def test_who_has_no_connection_is_offered_nothing_and_named(room: Room) -> None:
    room.step(Unreachable(b"b"))
    room.rollback()
    room.effects.clear()
    room.vote("a")
    assert not [effect for effect in room.effects if isinstance(effect, TellAdmit)]
    room.applied("a")
    room.now = 10.0
    room.step(TimePassed())
    assert room.told().not_applied == ("b",)


@pytest.mark.parametrize("why", [(), (Reason("b", "will not"),)])
def test_who_declines_what_it_is_brought_back_to_is_named_with_its_reason(
    room: Room, why: tuple[Reason, ...]
) -> None:
    room.step(Unreachable(b"b"))
    room.rollback()
    room.vote("a")
    room.applied("a")
    room.step(Received(b"b", Join("", 0, "b-1", "b", 2, 0, "", None, 101, "b-1.2", "{}")))
    running = room.machine.running
    assert running is not None
    digest = running.configuration.digest
    room.step(Received(b"b", Applied(1, "b-1", running.generation, digest, False, why)))
    told = room.told()
    assert (told.result, told.not_applied) == (Result.PARTIAL, ("b",))
    said = why[0].message if why else "gave no reason"
    assert told.reasons[-1].message == f"declined it: {said}"


def test_who_declines_what_ran_while_others_are_asked_stays_out(room: Room) -> None:
    room.step(Received(b"c", Join("", 0, "c-1", "c", 2, 0, "", None, 102, "c-1.1", "{}")))
    room.rollback()
    refused = (Reason("c", "not for me"),)
    running = room.machine.running
    assert running is not None
    digest = running.configuration.digest
    room.step(Received(b"c", Applied(1, "c-1", running.generation, digest, False, refused)))
    member = room.machine.members.get("c")
    assert member is not None
    assert member.state is MemberState.REFUSED
    for name in ("a", "b"):
        room.vote(name)
    for name in ("a", "b"):
        room.applied(name)
    assert room.told().result is Result.COMMITTED


def test_the_death_of_one_that_has_no_vote_is_no_matter() -> None:
    stage = Stage()
    for name in ("a", "b"):
        stage.attach(name)
    stage.change(1, NEW)
    for name in ("a", "b"):
        stage.vote(name)
    for name in ("a", "b"):
        stage.applied(name)
    stage.join("c")
    stage.applied("c", Reason("c", "not for me"))
    assert stage.member("c").state is MemberState.REFUSED
    stage.ask(7, ChangeRequest(Earlier(), "rollback"))
    stage.read(OLD)
    stage.died("c")
    for name in ("a", "b"):
        stage.vote(name)
    for name in ("a", "b"):
        stage.applied(name)
    told = stage.told(7)
    assert (told.result, told.reasons) == (Result.COMMITTED, ())


def test_who_is_gone_on_the_way_back_is_not_waited_for(room: Room) -> None:
    room.step(Unreachable(b"b"))
    room.rollback()
    room.vote("a")
    room.applied("a")
    assert not any(isinstance(effect, Answer) for effect in room.effects)
    member = room.machine.members.get("b")
    assert member is not None
    room.step(Died("b", member.ticket, "killed"))
    told = room.told()
    assert (told.result, told.not_applied) == (Result.PARTIAL, ("b",))


def test_a_way_back_to_what_runs_already_waits_for_who_is_on_the_way_to_it(room: Room) -> None:
    room.step(Unreachable(b"b"))
    room.step(Asked(7, ChangeRequest(Earlier(), "rollback")))
    change = room.machine.transaction
    assert change is not None
    room.step(CandidateRead(change.txid, NEW))
    assert not any(isinstance(effect, Answer) for effect in room.effects)
    room.step(Received(b"b", Join("", 0, "b-1", "b", 2, 0, "", None, 101, "b-1.2", "{}")))
    room.applied("b")
    assert room.told().result is Result.UNCHANGED


def test_who_hangs_over_what_was_offered_to_it_is_started_anew_on_the_way_back() -> None:
    stage = Stage()
    stage.change(1, NEW)
    stage.child("a")
    stage.child("b")
    stage.died("a")
    stage.now = limits.RESTART_LONGEST_SECONDS
    stage.step(TimePassed())
    stage.started("a")
    stage.join("a")
    assert stage.found(TellAdmit)[-1].peer == b"a", "and it does not answer"
    stage.clear()
    stage.ask(7, ChangeRequest(Earlier(), "rollback"))
    stage.read(OLD)
    stage.vote("b")
    killed = [effect.name for effect in stage.found(Kill)]
    assert killed == ["a"]


def test_the_log_tells_who_was_excused_and_why(room: Room) -> None:
    room.rollback()
    room.effects.clear()
    room.step(Unreachable(b"b"))
    (line,) = (
        dict(e.fields) for e in room.effects if isinstance(e, WriteLog) and e.event == "excused"
    )
    assert (line["module"], line["why"]) == ("b", "lost its connection")


def test_who_dies_too_often_on_the_way_back_is_not_waited_for() -> None:
    stage = Stage()
    stage.change(1, NEW)
    stage.child("a")
    stage.died("a")
    stage.ask(7, ChangeRequest(Earlier(), "rollback"))
    stage.read(OLD)
    for _ in range(limits.RESTART_DEATHS):
        assert stage.untold(7)
        stage.died("a")
        stage.now += limits.COMMIT_SECONDS / 10
        stage.step(TimePassed())
    told = stage.told(7)
    assert (told.result, told.not_applied) == (Result.PARTIAL, ("a",))
    assert stage.now < limits.COMMIT_SECONDS
