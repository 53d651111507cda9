# SPDX-License-Identifier: LGPL-3.0-or-later
"""A change at its edges: queues, stops, disks that do not answer, members that say odd things."""

import msgpack
import pytest

from coordinator.core.edit import Edit
from coordinator.core.effects import (
    Halt,
    ReadFiles,
    RecordAttempt,
    RecordEdit,
    RecordFilesDigest,
    TellAdmit,
    TellCommit,
)
from coordinator.core.events import CandidateRead, Stop, TimePassed
from coordinator.core.members import MemberState
from coordinator.core.merge_patch import MergePatch
from coordinator.core.rebase import Rebased
from coordinator.core.requests import (
    ChangeRequest,
    FromFiles,
    LoadRequest,
    Spec,
)
from coordinator.core.results import Result
from protocol import limits
from protocol.configuration import Configuration
from protocol.messages import Abort, Prepare, Refuse, Vote
from protocol.reason_code import ReasonCode
from protocol.reasons import Origin, Reason
from tests.support.stage import NEW, OLD, OTHER, Stage

WHY = Reason("a", "has no mind to")


@pytest.fixture
def stage() -> Stage:
    """Attached `a` and `b` run OLD, which is generation 1."""
    return Stage.with_attached("a", "b")


# The queue


def test_no_more_requests_wait_than_is_allowed(stage: Stage) -> None:
    stage.change(0, NEW)
    for client in range(1, limits.QUEUED_REQUESTS + 1):
        stage.change(client, NEW)
    assert stage.machine.waiting == limits.QUEUED_REQUESTS
    stage.change(1000, NEW)
    (reason,) = stage.told(1000).reasons
    assert reason.message == f"{limits.QUEUED_REQUESTS} changes are waiting already"
    assert stage.machine.waiting == limits.QUEUED_REQUESTS


def test_who_waited_for_all_of_its_time_is_told_so_and_the_others_wait_on(stage: Stage) -> None:
    stage.change(1, NEW, seconds=100.0)
    stage.change(2, NEW, seconds=5.0)
    stage.change(3, NEW, seconds=5.1)
    stage.now = 5.0
    stage.step(TimePassed())
    told = stage.told(2)
    assert (told.result, told.seconds) == (Result.REFUSED, 5.0)
    assert "for all of its 5 s" in told.reasons[0].message
    assert stage.machine.waiting == 1


def test_a_change_waits_for_one_that_is_on_its_way_and_no_longer(stage: Stage) -> None:
    stage.join("c")
    stage.change(1, NEW)
    assert not stage.sent(Prepare)
    stage.applied("c")
    assert len(stage.sent(Prepare, "c")) == 1
    for name in ("a", "b", "c"):
        stage.vote(name)
    for name in ("a", "b", "c"):
        stage.applied(name)
    assert stage.told(1).result is Result.COMMITTED


def test_a_change_that_has_a_name_keeps_it(stage: Stage) -> None:
    stage.change(1, NEW, txid="rank-3.7")
    (prepare,) = stage.sent(Prepare, "a")
    assert prepare.txid == "rank-3.7"
    for name in ("a", "b"):
        stage.vote(name)
    for name in ("a", "b"):
        stage.applied(name)
    assert stage.told(1).txid == "rank-3.7"


def test_who_kept_a_change_waiting_for_all_of_its_time_is_named(stage: Stage) -> None:
    stage.join("c")
    stage.change(1, NEW, seconds=5.0)
    stage.now = 5.0
    stage.step(TimePassed())
    told = stage.told(1)
    assert told.result is Result.REFUSED
    (reason,) = told.reasons
    assert (reason.module, reason.message) == ("c", "is still joining after 5 s")
    assert not stage.sent(Prepare)


# Candidates


def test_a_patch_that_cannot_be_made_is_refused_with_its_key(stage: Stage) -> None:
    deep: object = 1
    for _ in range(limits.CONFIGURATION_DEPTH + 1):
        deep = {"k": deep}
    patch = MergePatch(msgpack.packb({"v": deep}))
    stage.ask(1, ChangeRequest(patch, "merge"))
    told = stage.told(1)
    assert told.result is Result.REFUSED
    assert told.reasons[0].module == "config"
    assert not stage.sent(Prepare)
    assert len(stage.found(RecordAttempt)) == 1


def test_what_is_wrong_with_the_whole_comes_from_no_command(stage: Stage) -> None:
    """Of one key it is told which command gave it; `set` and `merge` alike."""
    large = msgpack.packb({"w": "x" * limits.CONFIGURATION_BYTES})
    without_key = (
        ChangeRequest(Edit(("typeless",), "9"), "set"),
        ChangeRequest(MergePatch(large), "merge"),
    )
    for client, request in enumerate(without_key):
        stage.ask(client, request)
        (reason,) = stage.told(client).reasons
        assert (reason.key, reason.origin) == ((), None)
    with_key = (
        ChangeRequest(Edit(("v", "w"), "1", "integer"), "set"),
        ChangeRequest(MergePatch(msgpack.packb({"v": 2**64 - 1})), "merge"),
    )
    for client, request in enumerate(with_key, start=10):
        stage.ask(client, request)
        (reason,) = stage.told(client).reasons
        assert reason.origin == Origin("an edit by uid 0")


def test_what_a_text_changed_is_remembered_for_the_reasons_against_it(stage: Stage) -> None:
    patch = MergePatch(msgpack.packb({"w": {"deep": 2}, "u": 3}))
    stage.ask(1, ChangeRequest(patch, "merge"))
    (prepare,) = stage.sent(Prepare)
    merged = Configuration.of({"v": 1, "w": {"deep": 2}, "u": 3})
    assert prepare.digest == merged.digest
    (record,) = stage.found(RecordEdit)
    assert (record.before, record.after, record.text) == (OLD.digest, merged.digest, patch.digest)
    assert set(record.keys) == {("w", "deep"), ("u",)}


def test_an_edit_of_a_copy_is_made_to_what_runs_when_its_turn_comes(stage: Stage) -> None:
    stage.ask(1, ChangeRequest(Rebased(OLD, Configuration.of({"v": 1, "w": 2})), "edit"))
    (prepare,) = stage.sent(Prepare)
    assert Configuration(prepare.candidate, prepare.digest).plain() == {"v": 1, "w": 2}


def test_an_edit_of_a_copy_that_would_be_too_large_now_is_refused(stage: Stage) -> None:
    huge = Configuration.of({"a": "x" * (limits.CONFIGURATION_BYTES - 100)})
    stage.change(1, huge)
    stage.vote("a")
    stage.vote("b")
    stage.applied("a")
    stage.applied("b")
    stage.ask(2, ChangeRequest(Rebased(OLD, Configuration.of({"v": 1, "w": "y" * 200})), "edit"))
    told = stage.told(2)
    assert told.result is Result.REFUSED
    assert "bytes" in told.reasons[0].message


def test_a_candidate_that_comes_when_the_change_is_over_is_nobodys(stage: Stage) -> None:
    stage.child("c")
    stage.ask(1, ChangeRequest(FromFiles(), "reload"))
    (read,) = stage.found(ReadFiles)
    stage.step(Stop())
    assert stage.told(1).result is Result.REFUSED
    stage.clear()
    stage.step(CandidateRead(read.txid, NEW))
    assert stage.effects == []


def test_a_candidate_that_comes_twice_counts_once(stage: Stage) -> None:
    stage.ask(1, ChangeRequest(FromFiles(), "reload"))
    stage.read(NEW)
    stage.read(OTHER)
    assert [prepare.digest for prepare in stage.sent(Prepare, "a")] == [NEW.digest]


def test_a_candidate_of_another_change_is_not_taken_for_this_ones(stage: Stage) -> None:
    stage.step(CandidateRead("9.9", NEW))
    stage.ask(1, ChangeRequest(FromFiles(), "reload"))
    (read,) = stage.found(ReadFiles)
    stage.step(CandidateRead("9.9", OTHER))
    assert not stage.sent(Prepare)
    stage.step(CandidateRead(read.txid, NEW))
    assert [prepare.digest for prepare in stage.sent(Prepare, "a")] == [NEW.digest]


# A dry run leaves no trace


@pytest.mark.parametrize("dry_run", [False, True])
def test_only_what_is_meant_is_remembered_of_the_files(stage: Stage, dry_run: bool) -> None:
    assert stage.machine.running is not None
    stage.change(1, NEW)
    for name in ("a", "b"):
        stage.vote(name)
    for name in ("a", "b"):
        stage.applied(name)
    known = stage.machine.shared.files
    stage.ask(2, ChangeRequest(FromFiles(), "reload", dry_run=dry_run))
    stage.read(NEW)
    told = stage.found(RecordFilesDigest)
    if dry_run:
        assert told == []
        assert stage.machine.shared.files == known
    else:
        assert told == [RecordFilesDigest(2, NEW.digest)]
        assert stage.machine.shared.files == NEW.digest


# Deaths, names, claims


def test_who_dies_after_its_yes_has_not_promised_anything(stage: Stage) -> None:
    stage.change(1, NEW)
    stage.vote("a")
    stage.died("a")
    assert stage.pending is None
    stage.vote("b")
    told = stage.told(1)
    assert (told.result, told.generation) == (Result.REFUSED, 1)
    assert [reason.module for reason in told.reasons] == ["a"]
    assert "died (killed) while it was asked" in told.reasons[0].message


def test_who_is_cut_off_after_its_yes_is_bound_by_it(stage: Stage) -> None:
    stage.change(1, NEW)
    stage.vote("a")
    stage.cut("a")
    stage.vote("b")
    assert stage.machine.generation == 2


def test_who_is_cut_off_in_commit_still_applies_it(stage: Stage) -> None:
    stage.change(1, NEW)
    stage.vote("a")
    txid = stage.member("b").owes
    stage.vote("b")
    stage.applied("a")
    stage.cut("b")
    assert stage.untold(1)
    stage.clear()
    stage.join("b", ledger="here", epoch=1, generation=1, in_doubt=txid)
    assert [tell.receipt.generation for tell in stage.found(TellCommit)] == [2]
    stage.applied("b")
    told = stage.told(1)
    assert (told.result, told.not_applied) == (Result.COMMITTED, ())


def test_who_dies_in_commit_has_not_applied_it(stage: Stage) -> None:
    stage.change(1, NEW)
    stage.vote("a")
    stage.vote("b")
    stage.applied("a")
    stage.died("b")
    told = stage.told(1)
    assert (told.result, told.not_applied) == (Result.PARTIAL, ("b",))
    assert told.reasons[0].message == "died (killed) before it had applied the change"


def test_nobody_objects_in_the_name_of_another(stage: Stage) -> None:
    stage.change(1, NEW)
    stage.vote("a", False, Reason("b", "says a"), Reason("a: part", "says a part of it"))
    stage.vote("b", True, warnings=(Reason("config", "says b"),))
    told = stage.told(1)
    assert [reason.module for reason in told.reasons] == ["a", "a: part"]
    assert [warning.module for warning in told.warnings] == ["b"]


def test_nobody_fails_or_leaves_in_the_name_of_another(stage: Stage) -> None:
    stage.change(1, NEW)
    stage.vote("a")
    stage.vote("b")
    stage.applied("b", warnings=(Reason("a", "says b"),))
    stage.applied("a", Reason("b", "says a"))
    told = stage.told(1)
    assert told.not_applied == ("a",)
    assert [reason.module for reason in told.reasons] == ["a"]


def test_who_declines_or_warns_speaks_for_itself() -> None:
    stage = Stage()
    for client, name in enumerate(("a", "c"), 1):
        stage.ask(client, LoadRequest(name, Spec(name)))
        stage.started(name)
        stage.join(name)
        if name == "a":
            stage.applied("a", Reason("b", "says a"))
            stage.died("a")
        else:
            stage.applied("c", warnings=(Reason("b", "says c"),))
    assert stage.told(1).reasons == (Reason("a", "says a"),)
    assert stage.told(2).warnings == (Reason("c", "says c"),)


def test_who_leaves_before_it_was_ready_speaks_for_itself() -> None:
    stage = Stage()
    stage.ask(1, LoadRequest("a", Spec("a")))
    stage.started("a")
    stage.join("a")
    stage.leaves("a", Reason("b", "says a"))
    stage.died("a")
    assert stage.told(1).reasons == (Reason("a", "says a"),)


def test_who_claims_another_content_for_what_is_in_force_has_failed(stage: Stage) -> None:
    stage.change(1, NEW)
    stage.vote("a")
    stage.vote("b")
    stage.applied("b")
    stage.applied("a", digest=OTHER.digest)
    told = stage.told(1)
    assert (told.result, told.not_applied) == (Result.PARTIAL, ("a",))
    assert stage.member("a").state is MemberState.FAILED


# Refused members


def test_one_that_declined_is_offered_the_next_generation_and_no_vote_before(
    stage: Stage,
) -> None:
    stage.join("c")
    stage.applied("c", Reason("c", "not for me"))
    assert stage.member("c").state is MemberState.REFUSED
    stage.change(1, OLD)
    told = stage.told(1)
    assert told.result is Result.UNCHANGED
    assert told.reasons[0].message.startswith("is no member, because it declined generation 1")
    stage.clear()
    stage.change(2, NEW)
    assert not stage.sent(Prepare, "c")
    stage.vote("a")
    stage.vote("b")
    assert [tell.durable.generation for tell in stage.found(TellAdmit)] == [2]
    stage.applied("c")
    assert stage.member("c").state is MemberState.RUNNING


# Settling


def test_unchanged_says_who_has_not_applied_it_when_the_time_is_over(stage: Stage) -> None:
    stage.change(1, NEW)
    stage.vote("a")
    stage.vote("b")
    stage.applied("a")
    stage.now = limits.COMMIT_SECONDS
    stage.step(TimePassed())
    assert stage.told(1).not_applied == ("b",)
    stage.change(2, NEW)
    assert stage.untold(2)
    stage.now += limits.PREPARE_SECONDS
    stage.step(TimePassed())
    told = stage.told(2)
    assert (told.result, told.not_applied) == (Result.UNCHANGED, ("b",))
    assert told.reasons[0].message == "has not applied generation 2 yet"


def test_a_stop_does_not_wait_for_who_is_on_the_way(stage: Stage) -> None:
    stage.cut("b")
    stage.change(1, OLD)
    assert stage.untold(1)
    stage.step(Stop())
    assert stage.told(1).not_applied == ("b",)
    assert stage.found(Halt)


# The end


def test_told_twice_to_stop_it_stops_once(stage: Stage) -> None:
    stage.child("c")
    stage.step(Stop())
    deadline = stage.machine.stopping_until
    stage.now = 1.0
    stage.step(Stop())
    assert stage.machine.stopping_until == deadline
    stage.died("c")
    assert len(stage.found(Halt)) == 1


def test_a_decision_known_too_late_is_applied_and_answered_once(stage: Stage) -> None:
    stage.disk_works = False
    stage.change(1, NEW)
    stage.vote("a")
    stage.vote("b")
    stage.now = limits.COMMIT_SECONDS
    stage.step(TimePassed())
    assert stage.told(1).result is Result.UNKNOWN
    stage.step(TimePassed())
    stage.force()
    stage.applied("a")
    stage.applied("b")
    assert stage.told(1).result is Result.UNKNOWN
    assert stage.machine.transaction is None


def test_a_change_that_ended_with_the_broker_stopping_ends_once(stage: Stage) -> None:
    stage.child("c")
    stage.change(1, NEW)
    for name in ("a", "b", "c"):
        stage.vote(name)
    stage.step(Stop())
    for name in ("a", "b", "c"):
        stage.applied(name)
    assert stage.told(1).result is Result.COMMITTED
    stage.now = limits.SHUTDOWN_SECONDS
    stage.step(TimePassed())
    assert stage.found(Halt)


def test_the_oldest_receipts_are_forgotten_and_no_others() -> None:
    stage = Stage()
    first = next(iter(stage.machine.shared.decided))
    for client in range(limits.DECISIONS_KNOWN):
        stage.change(client, Configuration.of({"v": client + 100}))
    known = stage.machine.shared.decided
    assert len(known) == limits.DECISIONS_KNOWN
    assert first not in known
    assert [receipt.generation for receipt in known.values()] == list(
        range(2, limits.DECISIONS_KNOWN + 2)
    )


def test_nobody_who_has_not_joined_is_heard(stage: Stage) -> None:
    stage.change(1, NEW)
    txid = stage.sent(Prepare)[0].txid
    stage.clear()
    stage.says("stranger", Vote(1, "stranger-1", txid, False, (WHY,)))
    assert len(stage.sent(Refuse, "stranger")) == 1
    stage.leaves("stranger")
    assert len(stage.sent(Refuse, "stranger")) == 1
    assert not stage.sent(Abort)


@pytest.mark.parametrize("given", [(Reason("a", "disk full", code=ReasonCode.DISK),), ()])
def test_why_it_was_not_applied_has_the_code_that_the_member_gave(
    stage: Stage, given: tuple[Reason, ...]
) -> None:
    stage.change(1, NEW)
    for name in ("a", "b"):
        stage.vote(name)
    stage.applied("b")
    stage.applied("a", *given, ok=False)
    (reason,) = stage.told(1).reasons
    why = "disk full" if given else "gave no reason"
    assert reason.message == f"failed in commit: {why}"
    assert reason.code is (ReasonCode.DISK if given else ReasonCode.NOT_APPLIED)


def test_a_stop_gives_those_who_apply_a_little_time(stage: Stage) -> None:
    stage.change(1, NEW)
    for name in ("a", "b"):
        stage.vote(name)
    stage.applied("b")
    stage.step(Stop())
    stage.now = limits.SHUTDOWN_SECONDS - 0.1
    stage.step(TimePassed())
    assert stage.untold(1)
    stage.now = limits.SHUTDOWN_SECONDS
    stage.step(TimePassed())
    told = stage.told(1)
    assert (told.result, told.not_applied) == (Result.PARTIAL, ("a",))
