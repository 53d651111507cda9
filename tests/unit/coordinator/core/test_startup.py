# SPDX-License-Identifier: LGPL-3.0-or-later
"""A start at its edges: deadlines, stops, deaths between a yes and the next question."""

import pytest

from coordinator.core.effects import (
    AnnounceReady,
    GiveUp,
    Kill,
    ReadGeneration,
    RecordFilesDigest,
    TellAdmit,
    TellCommit,
)
from coordinator.core.events import Begin, Stop, TimePassed
from coordinator.core.members import MemberState
from coordinator.core.requests import Spec
from protocol import limits
from protocol.messages import Abort, Prepare
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason
from tests.support.stage import NEW, OLD, OTHER, Stage, ran

WHY = Reason("a", "has no mind to")
MODULES = (("a", Spec("a")),)


def test_files_that_say_what_runs_already_are_remembered_and_nothing_is_decided() -> None:
    known_otherwise = ran()._replace(decision=ran().decision._replace(files=OTHER.digest))
    stage = Stage(Begin(MODULES, OLD), known_otherwise)
    stage.started("a")
    stage.join("a")
    assert not stage.sent(Prepare)
    assert stage.found(RecordFilesDigest) == [RecordFilesDigest(3, OLD.digest)]
    stage.applied("a")
    assert len(stage.found(AnnounceReady)) == 1
    assert stage.machine.generation == 3
    assert stage.machine.refused_start == ()


def test_with_fallback_even_what_ran_is_asked_about_first() -> None:
    known_otherwise = ran()._replace(decision=ran().decision._replace(files=OTHER.digest))
    stage = Stage(Begin(MODULES, OLD, fallback=True), known_otherwise)
    stage.started("a")
    stage.join("a")
    assert [prepare.dry_run for prepare in stage.sent(Prepare)] == [True]
    assert stage.found(RecordFilesDigest) == [RecordFilesDigest(3, OLD.digest)]
    assert not stage.found(TellAdmit), "nobody is admitted before it is known to start"
    stage.vote("a")
    assert len(stage.found(TellAdmit)) == 1
    stage.applied("a")
    assert len(stage.found(AnnounceReady)) == 1


def test_who_is_cut_off_after_its_yes_to_the_last_generation_is_awaited() -> None:
    stage = Stage(Begin((*MODULES, ("b", Spec("b"))), OLD, fallback=True), ran())
    for name in ("a", "b"):
        stage.started(name)
        stage.join(name)
    stage.vote("a")
    stage.cut("a")
    stage.vote("b")
    stage.applied("b")
    assert not stage.found(AnnounceReady)
    stage.join("a")
    stage.applied("a")
    assert len(stage.found(AnnounceReady)) == 1


def test_a_module_that_is_not_ready_in_time_is_named_and_the_others_are_not() -> None:
    stage = Stage(Begin((*MODULES, ("b", Spec("b"))), OLD, seconds=7.0), ran())
    for name in ("a", "b"):
        stage.started(name)
        stage.join(name)
    stage.applied("b")
    stage.now = 6.9
    stage.step(TimePassed())
    assert not stage.found(GiveUp)
    stage.now = 7.0
    stage.step(TimePassed())
    (gives_up,) = stage.found(GiveUp)
    assert gives_up.reasons == (
        Reason("a", "was not ready within 7 s (it is joining)", code=ReasonCode.TIMEOUT),
    )
    assert {kill.name for kill in stage.found(Kill)} == {"a", "b"}


def test_a_generation_that_cannot_be_read_in_time_ends_the_start() -> None:
    stage = Stage(Begin(MODULES, NEW, fallback=True, seconds=5.0), ran())
    stage.started("a")
    stage.join("a")
    stage.now = 2.0  # attached ones of the last life had their time
    stage.step(TimePassed())
    for _ in range(2):  # the files, and the last generation
        stage.vote("a", False, WHY)
    assert [read.generation for read in stage.found(ReadGeneration)] == [2]
    stage.now = 60.0
    stage.step(TimePassed())
    (gives_up,) = stage.found(GiveUp)
    assert gives_up.reasons == (
        Reason("config", "the generation could not be read within 5 s", code=ReasonCode.TIMEOUT),
    )


@pytest.mark.parametrize("written", [True, False])
def test_a_stop_waits_for_a_start_that_is_on_its_way_to_the_disk(written: bool) -> None:
    stage = Stage(Begin(MODULES, NEW), ran())
    stage.disk_works = False
    stage.started("a")
    stage.join("a")
    stage.now = 2.0
    stage.step(TimePassed())
    stage.vote("a")
    assert stage.pending is not None
    stage.step(Stop())
    assert not stage.found(GiveUp), "the decision may be on disk"
    assert not stage.found(Kill)
    if written:
        stage.force()
        stage.applied("a")
        assert stage.machine.generation == 4
        assert not stage.found(GiveUp)
    else:
        stage.refuse_to_force("disk full")
        (gives_up,) = stage.found(GiveUp)
        assert "disk full" in gives_up.reasons[0].message
        assert stage.machine.generation == 3


def test_a_stop_before_that_gives_the_start_up() -> None:
    stage = Stage(Begin(MODULES, NEW), ran())
    stage.started("a")
    stage.step(Stop())
    (gives_up,) = stage.found(GiveUp)
    assert gives_up.reasons == (
        Reason("broker", "was told to stop while it was starting", code=ReasonCode.STOPPING),
    )
    assert Kill("a", stage.tickets["a"]) in stage.found(Kill)


def test_what_a_module_says_when_it_leaves_is_why_the_start_is_given_up() -> None:
    stage = Stage(Begin(MODULES, OLD), ran())
    stage.started("a")
    stage.leaves("a", WHY)
    stage.died("a", "exited with status 1")
    assert stage.found(GiveUp)[0].reasons == (WHY,)


def test_a_module_that_dies_without_a_word_is_said_to_have_died() -> None:
    stage = Stage(Begin(MODULES, OLD), ran())
    stage.started("a")
    stage.died("a", "exited with status 1")
    (reason,) = stage.found(GiveUp)[0].reasons
    assert reason == Reason(
        "a", "died (exited with status 1) before it was ready", code=ReasonCode.DIED
    )


def test_the_dead_of_others_do_not_end_a_start() -> None:
    stage = Stage(Begin(MODULES, OLD), ran())
    stage.started("a")
    stage.join("svc")
    stage.died("svc")
    assert not stage.found(GiveUp)
    stage.join("a")
    stage.applied("a")
    assert stage.found(AnnounceReady)
    assert stage.member("a").state is MemberState.RUNNING


@pytest.mark.parametrize("reasons", [(WHY,), ()])
def test_a_module_that_declines_what_ran_is_why_the_start_is_given_up(
    reasons: tuple[Reason, ...],
) -> None:
    stage = Stage(Begin(MODULES, OLD), ran())
    stage.started("a")
    stage.join("a")
    stage.applied("a", *reasons, ok=False)
    told = reasons or (Reason("a", "declined without a reason"),)
    assert stage.found(GiveUp)[0].reasons == told


def test_what_an_attached_one_declines_ends_no_start() -> None:
    stage = Stage(Begin(MODULES, OLD), ran())
    stage.started("a")
    stage.join("svc")
    stage.applied("svc", Reason("svc", "not for me"))
    assert not stage.found(GiveUp)
    stage.join("a")
    stage.applied("a")
    assert stage.found(AnnounceReady)


def test_before_the_first_generation_there_is_none_to_go_back_to() -> None:
    stage = Stage(Begin(MODULES, NEW, fallback=True), ran(generation=1))
    stage.started("a")
    stage.join("a")
    stage.vote("a", False, WHY)
    stage.vote("a", False, WHY)
    assert not stage.found(ReadGeneration)
    (gave_up,) = stage.found(GiveUp)
    assert gave_up.reasons[0] == WHY
    assert "no generation that is kept can start" in gave_up.reasons[1].message


def test_who_comes_in_doubt_hears_of_what_is_decided_and_of_the_start_when_that_is() -> None:
    stage = Stage(Begin(MODULES, NEW), ran())
    stage.join("b", in_doubt="1.8")
    assert [abort.txid for abort in stage.sent(Abort, "b")] == ["1.8"]
    stage.join("c", in_doubt="1.9")
    assert [commit.receipt.txid for commit in stage.found(TellCommit)] == ["1.9"]
    for name in ("b", "c"):
        stage.applied(name)
    stage.now = limits.REJOIN_SECONDS
    stage.started("a")
    stage.join("a")
    stage.clear()
    asked = stage.member("b").owes
    stage.vote("b")
    stage.cut("b")
    stage.join("b", in_doubt=asked)
    assert not stage.sent(Abort), "it is not decided yet"
    for name in ("a", "c"):
        stage.vote(name)
    assert stage.machine.generation == 4
    assert [commit.receipt.txid for commit in stage.found(TellCommit)] == [asked]


def test_who_comes_back_in_doubt_loses_the_values_that_a_former_life_gave_it() -> None:
    stage = Stage(Begin(MODULES, NEW, expected=("svc",)), ran())
    stage.join("svc", ledger="here", in_doubt="1.9", generation=2)
    assert len(stage.found(TellCommit)) == 1
    stage.applied("svc")
    stage.started("a")
    stage.join("a")
    assert [prepare.arguments for prepare in stage.sent(Prepare, "svc")] == [()]
    assert [prepare.arguments for prepare in stage.sent(Prepare, "a")] == [None]
