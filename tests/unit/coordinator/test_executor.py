# SPDX-License-Identifier: LGPL-3.0-or-later
"""The executor with a real ledger whose disk fails: what is not known is not told as done."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.core.decisions import Attempt
from coordinator.core.edit import Edit
from coordinator.core.effects import AnnounceReady, GiveUp, Step
from coordinator.core.events import Inquired, Received
from coordinator.core.requests import (
    ChangeRequest,
    ConfirmRequest,
    Earlier,
    FromFiles,
    LoadRequest,
    Proposal,
    Replacement,
    Request,
    Spec,
    Who,
)
from coordinator.core.results import Result
from coordinator.ledger.errors import Fenced, NotWritten, Uncertain
from coordinator.observation import floods
from protocol.codec import encode
from protocol.configuration import Configuration
from protocol.messages import (
    Admit,
    Applied,
    Commit,
    Prepare,
    Refuse,
    Report,
    Vote,
)
from protocol.reasons import Origin, Reason
from tests.support.small_broker import OLD, SmallBroker

NEW = Configuration.of({"v": 2})


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[SmallBroker]:
    """OLD is generation 1; NEW is generation 2, and unconfirmed."""
    found = SmallBroker(tmp_path)
    assert found.is_ready
    found.ask(1, ChangeRequest(Replacement(NEW), "load", confirm=60.0))
    assert found.answers[1].result is Result.COMMITTED
    yield found
    found.ledger.close()


CONFIRM, EXTEND = ConfirmRequest(), ConfirmRequest(extend=600.0)
MORE = ChangeRequest(Replacement(NEW), "load", confirm=600.0)


@pytest.mark.parametrize("request_", [CONFIRM, EXTEND, MORE])
def test_a_confirmation_that_nobody_knows_of_ends_the_broker(
    broker: SmallBroker, request_: Request
) -> None:
    broker.disk.error = Uncertain("disk I/O error")
    broker.ask(2, request_)
    ((status, (reason,)),) = broker.ended
    assert status == 1
    assert reason.module == "ledger"
    assert "the disk failed in a confirmation: disk I/O error" in reason.message
    assert 2 not in broker.answers, "neither done nor refused"
    assert broker.machine.unconfirmed is not None
    assert broker.machine.unconfirmed.due_monotonic == 60.0


@pytest.mark.parametrize("request_", [CONFIRM, EXTEND, MORE])
def test_a_confirmation_that_is_certainly_not_written_is_refused(
    broker: SmallBroker, request_: Request
) -> None:
    broker.disk.error = NotWritten("disk full")
    broker.ask(2, request_)
    assert broker.answers[2].result is Result.REFUSED
    assert "could not be written: disk full" in broker.answers[2].reasons[0].message
    assert broker.ended == []
    found = broker.ledger.unconfirmed()
    assert found is not None
    assert found[0] == 2


@pytest.mark.parametrize(
    ("request_", "result", "left"),
    [(CONFIRM, Result.CONFIRMED, None), (EXTEND, Result.EXTENDED, 600.0)],
)
def test_a_confirmation_is_on_disk_when_it_is_told(
    broker: SmallBroker, request_: Request, result: Result, left: float | None
) -> None:
    broker.ask(2, request_)
    assert broker.answers[2].result is result
    found = broker.ledger.unconfirmed()
    assert (found is None) == (left is None)
    if found is not None and left is not None:
        assert found[2] == pytest.approx(left, abs=30.0)


def test_a_decision_that_nobody_knows_of_ends_the_broker(broker: SmallBroker) -> None:
    broker.ask(2, CONFIRM)
    broker.disk.error = Uncertain("disk I/O error")
    broker.ask(3, ChangeRequest(Replacement(OLD), "load"))
    ((status, (reason,)),) = broker.ended
    assert status == 1
    assert "the disk failed in mid-decision: disk I/O error" in reason.message
    assert 3 not in broker.answers
    assert broker.machine.generation == 2
    broker.ask(4, ChangeRequest(Replacement(NEW), "load"))
    assert 4 not in broker.answers, "it is over"
    broker.join("a")
    assert not broker.processes.watched, "and nobody is taken up"


@pytest.mark.parametrize("confirms", [True, False])
def test_a_broker_whose_ledger_was_taken_over_ends_and_says_so(
    broker: SmallBroker, confirms: bool
) -> None:
    broker.disk.error = Fenced("a coordinator of epoch 2 has the ledger")
    undo = ChangeRequest(Replacement(OLD), "undo")
    broker.ask(2, CONFIRM if confirms else undo)
    assert broker.answers[2].result is Result.REFUSED
    ((status, (reason,)),) = broker.ended
    assert status == 1
    assert "another broker has taken the state directory over" in reason.message


def test_a_reload_reads_the_files_and_says_where_they_are_unreadable(broker: SmallBroker) -> None:
    broker.ask(2, CONFIRM)
    broker.files.write_text("v = 3\n")
    broker.ask(3, ChangeRequest(FromFiles(), "reload"))
    assert broker.answers[3].result is Result.COMMITTED
    assert broker.machine.shared.files == Configuration.of({"v": 3}).digest
    broker.files.write_text("v = \n")
    broker.ask(4, ChangeRequest(FromFiles(), "reload"))
    assert broker.answers[4].result is Result.REFUSED
    assert str(broker.files) in str(broker.answers[4].reasons[0])
    broker.files.unlink()
    broker.ask(5, ChangeRequest(FromFiles(), "reload"))
    assert broker.answers[5].result is Result.REFUSED
    assert broker.machine.generation == 3


def test_what_is_in_the_history_is_what_was_refused_and_why(broker: SmallBroker) -> None:
    broker.ask(2, ChangeRequest(Replacement(OLD), "load"))
    assert broker.answers[2].result is Result.REFUSED
    newest, *_ = broker.ledger.history().history(10)
    assert newest["result"] == "refused"
    assert "is not confirmed yet" in newest["reasons"][0]["message"]


def test_what_modules_warned_of_and_who_did_not_apply_it_is_in_the_history(
    broker: SmallBroker,
) -> None:
    broker.ask(2, CONFIRM)
    broker.join("a")
    broker.applied("a")
    broker.ask(3, ChangeRequest(Replacement(OLD), "load"))
    (prepare,) = broker.sent(Prepare)
    doubt, broke = Reason("a", "is odd", ("v",)), Reason("a", "no memory")
    vote = Vote(1, "a-1", prepare.txid, True, warnings=(doubt,))
    broker.hear((b"a", encode(vote)))
    broker.hear((b"a", encode(Applied(1, "a-1", 3, "", False, (broke,)))))
    assert broker.answers[3].result is Result.PARTIAL
    entry = broker.ledger.history().entry(3)
    assert [warning["message"] for warning in entry["warnings"]] == ["is odd"]
    assert (entry["result"], entry["not_applied"]) == ("partial", ["a"])


# Participants


def test_a_change_goes_out_and_its_answers_come_in(broker: SmallBroker) -> None:
    broker.ask(2, CONFIRM)
    broker.join("a")
    assert broker.processes.watched == [("a", 7, 1)]
    (admit,) = broker.sent(Admit)
    assert (admit.generation, admit.digest) == (2, NEW.digest)
    assert (admit.ledger, admit.epoch) == (broker.ledger.identity, broker.ledger.epoch)
    broker.applied("a")
    broker.ask(3, ChangeRequest(Replacement(OLD), "load"))
    (prepare,) = broker.sent(Prepare)
    vote = Vote(1, "a-1", prepare.txid, True, ())
    broker.hear((b"a", encode(vote)))
    (commit,) = broker.sent(Commit)
    assert (commit.txid, commit.generation) == (prepare.txid, 3)
    broker.applied("a")
    assert broker.answers[3].result is Result.COMMITTED
    assert broker.ledger.attached() == ("a",)


def test_the_members_hear_of_a_decision_before_the_log_does(broker: SmallBroker) -> None:
    """What is told of it takes time, and they wait; a client hears of it when all is told."""
    broker.ask(2, CONFIRM)
    broker.join("a")
    broker.applied("a")
    broker.ask(3, ChangeRequest(Replacement(OLD), "load"))
    (prepare,) = broker.sent(Prepare)
    broker.log.lines.clear()
    broker.hear((b"a", encode(Vote(1, "a-1", prepare.txid, True, ()))))
    assert isinstance(broker.links.sent[-1][1], Commit)
    for line in ("forced", "committed", "commit"):
        assert broker.log.sent_before[line] == len(broker.links.sent), line
    assert broker.log.lines == ["force", "forced", "committed", "commit"]


def test_where_nobody_is_to_be_told_a_decision_is_told_before_its_answer(
    broker: SmallBroker,
) -> None:
    broker.ask(2, CONFIRM)
    broker.log.lines.clear()
    broker.ask(3, ChangeRequest(Replacement(OLD), "load"))
    assert broker.answers[3].result is Result.COMMITTED
    lines = broker.log.lines
    assert lines.index("forced") < lines.index("committed") < lines.index("end")


def test_who_cannot_be_reached_is_lost_at_once(broker: SmallBroker) -> None:
    broker.ask(2, CONFIRM)
    broker.join("a")
    broker.applied("a")
    broker.links.cut.add(b"a")
    broker.ask(3, ChangeRequest(Replacement(OLD), "load"))
    assert broker.answers[3].result is Result.REFUSED
    assert "lost its connection" in broker.answers[3].reasons[0].message


def test_garbage_is_logged_and_nothing_else(broker: SmallBroker) -> None:
    assert not broker.hear((b"a", b"garbage"))
    broker.join("a")
    broker.hear((b"a", b""))
    assert broker.log.warnings == ["malformed", "malformed"]
    assert len(broker.machine.members) == 1


def test_what_there_is_no_place_for_is_refused_and_warned_of_once(broker: SmallBroker) -> None:
    broker.links.full = "too many descriptors"
    for name in ("a", "b"):
        broker.join(name)
    assert [refuse.why for refuse in broker.sent(Refuse)] == ["too many descriptors"] * 2
    assert broker.log.warnings == ["no place for participants"]
    assert broker.log.lines.count("refuse") == 2
    assert len(broker.machine.members) == 0


def test_more_than_a_batch_is_heard_in_turns(
    broker: SmallBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floods, "SECONDS", 0.0)  # each is told
    assert broker.hear(*[(b"a", b"garbage")] * 300), "there is more"
    assert not broker.hear()
    assert len(broker.log.warnings) == 300


def test_a_process_that_cannot_be_started_or_watched_has_died(broker: SmallBroker) -> None:
    broker.ask(2, CONFIRM)
    broker.processes.error = OSError(12, "Cannot allocate memory")
    broker.ask(3, LoadRequest("a", Spec("a")))
    assert broker.answers[3].result is Result.REFUSED
    said = broker.answers[3].reasons[0].message
    assert "could not be started: Cannot allocate memory" in said
    broker.join("b")
    assert len(broker.machine.members) == 0


def test_how_a_module_is_is_told_as_it_says_it_or_not_at_all(broker: SmallBroker) -> None:
    broker.executor.feed(Inquired(2, "a", 5.0))
    assert broker.answers[2]["error"] == "a: no such module"
    assert broker.answers[2]["code"] == "not-found"
    broker.join("a")
    for client, (text, told) in enumerate((('{"x": 1}', {"x": 1}), ("{", None)), 3):
        broker.executor.feed(Inquired(client, "a", 5.0))
        report = Report(1, "a-1", client - 2, text)
        broker.executor.feed(Received(b"a", report))
        assert broker.answers[client] == {"version": 1, "told": told}


# The past


def test_a_rollback_reads_the_history_and_says_where_values_are_from(broker: SmallBroker) -> None:
    broker.ask(2, ChangeRequest(Earlier(), "rollback"))
    assert broker.answers[2].result is Result.COMMITTED
    running = broker.machine.running
    assert running is not None
    assert running.configuration == OLD
    broker.ask(3, ChangeRequest(Earlier(7), "rollback"))
    assert broker.answers[3].result is Result.REFUSED
    assert "7" in broker.answers[3].reasons[0].message
    assert broker.machine.generation == 3


def test_a_ledger_is_tidied_when_it_is_worth_its_while(broker: SmallBroker) -> None:
    broker.ask(2, CONFIRM)
    for number in range(100):
        broker.ask(number + 10, ChangeRequest(Replacement(_number(number)), "load"))
        if not broker.ledger.wants_maintenance and broker.ledger._untidied == 0:
            break
    assert broker.ledger._untidied == 0, "it was tidied"
    assert broker.log.warnings == []


def test_a_record_that_is_lost_is_warned_of_and_stops_nothing(broker: SmallBroker) -> None:
    broker.ask(2, CONFIRM)
    broker.disk.error = NotWritten("disk full")
    broker.join("a")
    broker.applied("a")
    assert broker.log.warnings == ["history not written"]
    assert broker.ended == []
    assert len(broker.machine.members.running()) == 1


def _number(number: int) -> Configuration:
    return Configuration.of({"v": number + 100})


def _refused(broker: SmallBroker, client: int, proposal: Proposal, verb: str) -> Reason:
    """The reason, with its place, of a change that a member refuses for the key `v`."""
    broker.ask(client, ChangeRequest(proposal, verb, Who(7, 1, f"flux config {verb}")))
    txid = broker.sent(Prepare)[-1].txid
    no = Vote(1, "a-1", txid, False, (Reason("a", "will not", ("v",)),))
    broker.hear((b"a", encode(no)))
    assert broker.answers[client].result is Result.REFUSED
    reason = broker.answers[client].reasons[0]
    assert isinstance(reason, Reason)
    newest, *_ = broker.ledger.history().history(1)
    assert newest["reasons"][0] == reason.as_json(), "the history has the place, too"
    return reason


def test_a_reason_has_the_place_of_its_key(broker: SmallBroker) -> None:
    broker.ask(2, CONFIRM)
    broker.join("a")
    broker.applied("a")
    broker.files.write_text("# a comment\nv = 3\n")
    in_files = _refused(broker, 3, FromFiles(), "reload")
    assert in_files.origin == Origin(str(broker.files), 2, 1)
    edited = _refused(broker, 4, Edit(("v",), "9", "integer"), "set")
    assert edited.origin == Origin("flux config set by uid 7")
    earlier = _refused(broker, 5, Earlier(1), "rollback")
    assert earlier.origin == Origin("generation 1")


def test_a_start_names_the_places_in_its_files_and_what_it_resumes(broker: SmallBroker) -> None:
    broker.ask(2, CONFIRM)
    broker.executor.name_running(broker.machine.running)
    broker.executor.name_running(None)
    broker.join("a")
    broker.applied("a")
    broker.executor.starting_with(broker.proposal())
    refused = (Reason("a", "no", ("v",)),)
    broker.executor.carry_out(Step((AnnounceReady(refused, refused), GiveUp(refused))))
    place = Origin(str(broker.files), 1, 1)
    assert [reason.origin for reason in broker.said_at_start] == [place, place]
    ((status, (reason,)),) = broker.ended
    assert (status, reason.origin) == (1, place)
    digest = broker.proposal().configuration.digest
    broker.executor.record_attempt(Attempt("1.9", 2, digest, "load", Who(), "", refused))
    newest, *_ = broker.ledger.history().history(1)
    assert newest["reasons"][0]["source"] == str(broker.files)


def test_every_step_of_a_change_is_in_its_picture(broker: SmallBroker) -> None:
    broker.ask(2, CONFIRM)
    broker.join("a")
    broker.applied("a")
    broker.ask(3, ChangeRequest(Replacement(OLD), "load"))
    (prepare,) = broker.sent(Prepare)
    broker.hear((b"a", encode(Vote(1, "a-1", prepare.txid, True, ()))))
    broker.applied("a")
    picture = broker.observer.timelines.recent()[prepare.txid]
    moments = picture["moments"]
    steps = [moments[name] for name in ("begun", "asked", "force", "forced", "commit", "ended")]
    assert steps == sorted(steps)
    assert (picture["result"], picture["base"], picture["generation"]) == ("committed", 2, 3)
    (member,) = moments["members"]
    assert (member["name"], member["vote"], member["ok"]) == ("a", "yes", True)
    assert member["asked"] <= member["voted"] <= member["applied"]


def test_every_effect_has_a_moment_before_it_and_one_after(tmp_path: Path) -> None:
    """Where chaos tests kill a broker; that after a decision is when the disk has answered."""
    moments: list[tuple[str, str]] = []
    broker = SmallBroker(tmp_path, lambda when, what: moments.append((when, type(what).__name__)))
    moments.clear()
    broker.ask(1, ChangeRequest(Replacement(NEW), "load"))
    assert broker.answers[1].result is Result.COMMITTED
    broker.ledger.close()
    told = [what for _, what in moments]
    decision = told.index("Decision")
    assert moments[decision : decision + 2] == [("before", "Decision"), ("after", "Decision")]
    assert told.index("Answer") > decision
    assert moments == [(when, what) for what in told[::2] for when in ("before", "after")]


def test_a_broker_that_is_closed_does_nothing_more_once_its_ledger_is_written(
    broker: SmallBroker,
) -> None:
    assert not broker.worker.finished
    broker.executor.close()
    assert broker.worker.finished
    broker.ask(2, CONFIRM)
    assert 2 not in broker.answers
