# SPDX-License-Identifier: LGPL-3.0-or-later
"""The executor with a real ledger whose disk fails: what is not known is not told as done."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from coordinator.core.events import Asked, Begin, Inquired, Received
from coordinator.core.machine import Coordinator
from coordinator.core.requests import (
    ChangeRequest,
    ConfirmRequest,
    Earlier,
    FromFiles,
    LoadRequest,
    Replacement,
    Request,
    Spec,
)
from coordinator.core.results import Outcome, Result
from coordinator.executor import Environment, Executor, open_machine
from coordinator.files.proposal import FilesOnDisk
from coordinator.files.provenance import ProvenanceStore
from coordinator.ledger.errors import Fenced, NotWritten, Uncertain
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.ledger.sqlite_storage import SqliteFile, SqliteTransaction
from coordinator.observation.observer import Observer
from coordinator.processes.interface import Tell
from coordinator.runtime.worker import Job, Then, Workers, result_of
from protocol.codec import Malformed, decode_from_coordinator, encode
from protocol.configuration import Configuration
from protocol.messages import (
    Admit,
    Applied,
    Commit,
    FromCoordinator,
    Join,
    Prepare,
    Refuse,
    Report,
    Vote,
)
from protocol.reasons import Reason

Kind = TypeVar("Kind")
OLD, NEW = (Configuration.of({"v": number}) for number in (1, 2))


class _Disk(SqliteFile):
    """The real one, which fails in its next commit if it is told to."""

    error: Exception | None = None

    def transaction(self, forced: bool) -> SqliteTransaction:
        super().transaction(forced)
        assert self._connection is not None
        return SqliteTransaction(self._connection, self._committing)

    def _committing(self) -> None:
        if self.error is not None:
            raise self.error


class _AtOnce:
    """A worker whose jobs are done when they are handed in."""

    def submit(self, job: Job, then: Then) -> None:
        then(result_of(job))

    def finish(self, seconds: float) -> None:
        """There is nothing in line."""


class _Clock:
    """It stands still."""

    def now(self) -> float:
        return 0.0

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        """It never comes."""


class _Links:
    """Connections that keep what is sent, and hand out what a test has put there."""

    def __init__(self) -> None:
        self.arrived: deque[tuple[bytes, bytes]] = deque()
        self.sent: list[tuple[bytes, FromCoordinator]] = []
        self.cut: set[bytes] = set()
        self.full = ""

    def send(self, peers: Iterable[bytes], frame: bytes) -> list[bytes]:
        message = decode_from_coordinator(frame)
        assert not isinstance(message, Malformed)
        self.sent += [(peer, message) for peer in peers]
        return [peer for peer in peers if peer in self.cut]

    def receive(self, most: int) -> Iterator[tuple[bytes, bytes]]:
        for _ in range(min(most, len(self.arrived))):
            yield self.arrived.popleft()

    def no_place_for(self, peer: bytes) -> str:
        return self.full

    def descriptors(self) -> tuple[int, ...]:
        return ()

    @property
    def ready(self) -> bool:
        return bool(self.arrived)

    def close(self) -> None:
        """Nothing is open."""


class _Processes:
    """None is ever there; what cannot be started or watched says so if it is told to."""

    def __init__(self) -> None:
        self.error: OSError | None = None
        self.started: list[tuple[str, int]] = []
        self.watched: list[tuple[str, int, int]] = []
        self.killed: list[int] = []

    def attach(self, tell: Tell) -> None:
        self.tell = tell

    def start(self, name: str, spec: Spec, ticket: int) -> None:
        if self.error is not None:
            raise self.error
        self.started.append((name, ticket))

    def watch(self, name: str, pid: int, ticket: int) -> None:
        if self.error is not None:
            raise self.error
        self.watched.append((name, pid, ticket))

    def kill(self, ticket: int) -> None:
        self.killed.append(ticket)

    def collect(self) -> None:
        """Nothing has happened."""

    def close(self) -> None:
        """Nothing runs."""


class _Log:
    """Every line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def line(self, event: str, fields: Mapping[str, Any]) -> None:
        self.lines.append(event)

    def warn(self, event: str, **fields: Any) -> None:
        self.warnings.append(event)

    def notice(self, event: str, **fields: Any) -> None:
        self.lines.append(event)


class _Broker:
    """An executor, and what it asked of its owner."""

    def __init__(self, folder: Path) -> None:
        (folder / "state").mkdir(mode=0o700)
        self.files = folder / "f.toml"
        self.files.write_text("v = 2\n")
        self.disk = _Disk(str(folder / "state"))
        self.ledger = SqliteLedger(self.disk)
        self.answers: dict[int, Any] = {}
        self.ended: list[tuple[int, tuple[Reason, ...]]] = []
        self.is_ready = False
        worker = _AtOnce()
        self.links, self.processes, self.log = _Links(), _Processes(), _Log()
        self.machine = open_machine(self.ledger, 0.0, Coordinator)
        environment = Environment(
            ledger=self.ledger, history=self.ledger.history(), transport=self.links,
            supervisor=self.processes, timers=_Clock(),
            workers=Workers(worker, worker, worker, worker), provenance=ProvenanceStore(),
            files=FilesOnDisk(str(self.files)), observer=Observer(self.log),
        )  # fmt: skip
        self.executor = Executor(self.machine, environment, self)
        self.executor.feed(Begin(files=OLD))

    def hear(self, *frames: tuple[bytes, bytes]) -> bool:
        self.links.arrived.extend(frames)
        return self.executor.hear()

    def join(self, name: str, pid: int = 7) -> None:
        join = Join("", 0, f"{name}-1", name, 2, 0, "", None, pid, f"{name}-1.1", "{}")
        self.hear((name.encode(), encode(join)))

    def applied(self, name: str) -> None:
        running = self.machine.running
        assert running is not None
        digest = running.configuration.digest
        said = Applied(self.machine.epoch, f"{name}-1", running.generation, digest, True)
        self.hear((name.encode(), encode(said)))

    def sent(self, kind: type[Kind]) -> list[Kind]:
        return [message for _, message in self.links.sent if isinstance(message, kind)]

    def ask(self, client: int, request: Request) -> None:
        self.executor.feed(Asked(client, request))

    def answer(self, client: int, answer: Outcome | dict[str, Any]) -> None:
        assert client not in self.answers, "each client is answered once"
        self.answers[client] = answer

    def stepped(self) -> None:
        """Nobody looks."""

    def ready(self, refused: tuple[Reason, ...], warnings: tuple[Reason, ...]) -> None:
        self.is_ready = True

    def end(self, status: int, reasons: tuple[Reason, ...]) -> None:
        self.ended.append((status, reasons))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[_Broker]:
    """OLD is generation 1; NEW is generation 2, and unconfirmed."""
    found = _Broker(tmp_path)
    assert found.is_ready
    found.ask(1, ChangeRequest(Replacement(NEW), "load", confirm=60.0))
    assert found.answers[1].result is Result.COMMITTED
    yield found
    found.ledger.close()


CONFIRM, EXTEND = ConfirmRequest(), ConfirmRequest(extend=600.0)
MORE = ChangeRequest(Replacement(NEW), "load", confirm=600.0)


@pytest.mark.parametrize("request_", [CONFIRM, EXTEND, MORE])
def test_a_confirmation_that_nobody_knows_of_ends_the_broker(
    broker: _Broker, request_: Request
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
    broker: _Broker, request_: Request
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
    broker: _Broker, request_: Request, result: Result, left: float | None
) -> None:
    broker.ask(2, request_)
    assert broker.answers[2].result is result
    found = broker.ledger.unconfirmed()
    assert (found is None) == (left is None)
    if found is not None and left is not None:
        assert found[2] == pytest.approx(left, abs=30.0)


def test_a_decision_that_nobody_knows_of_ends_the_broker(broker: _Broker) -> None:
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


@pytest.mark.parametrize("confirms", [True, False])
def test_a_broker_whose_ledger_was_taken_over_ends_and_says_so(
    broker: _Broker, confirms: bool
) -> None:
    broker.disk.error = Fenced("a coordinator of epoch 2 has the ledger")
    undo = ChangeRequest(Replacement(OLD), "undo")
    broker.ask(2, CONFIRM if confirms else undo)
    assert broker.answers[2].result is Result.REFUSED
    ((status, (reason,)),) = broker.ended
    assert status == 1
    assert "another broker has taken the state directory over" in reason.message


def test_a_reload_reads_the_files_and_says_where_they_are_unreadable(broker: _Broker) -> None:
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


def test_what_is_in_the_history_is_what_was_refused_and_why(broker: _Broker) -> None:
    broker.ask(2, ChangeRequest(Replacement(OLD), "load"))
    assert broker.answers[2].result is Result.REFUSED
    newest, *_ = broker.ledger.history().history(10)
    assert newest["result"] == "refused"
    assert "is not confirmed yet" in newest["reasons"][0]["message"]


# Participants


def test_a_change_goes_out_and_its_answers_come_in(broker: _Broker) -> None:
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


def test_who_cannot_be_reached_is_lost_at_once(broker: _Broker) -> None:
    broker.ask(2, CONFIRM)
    broker.join("a")
    broker.applied("a")
    broker.links.cut.add(b"a")
    broker.ask(3, ChangeRequest(Replacement(OLD), "load"))
    assert broker.answers[3].result is Result.REFUSED
    assert "lost its connection" in broker.answers[3].reasons[0].message


def test_garbage_is_logged_and_nothing_else(broker: _Broker) -> None:
    assert not broker.hear((b"a", b"garbage"))
    broker.join("a")
    broker.hear((b"a", b""))
    assert broker.log.warnings == ["malformed", "malformed"]
    assert len(broker.machine.members) == 1


def test_what_there_is_no_place_for_is_refused_and_warned_of_once(broker: _Broker) -> None:
    broker.links.full = "too many descriptors"
    for name in ("a", "b"):
        broker.join(name)
    assert [refuse.why for refuse in broker.sent(Refuse)] == ["too many descriptors"] * 2
    assert broker.log.warnings == ["no place for participants"]
    assert broker.log.lines.count("refuse") == 2
    assert len(broker.machine.members) == 0


def test_more_than_a_batch_is_heard_in_turns(broker: _Broker) -> None:
    assert broker.hear(*[(b"a", b"garbage")] * 300), "there is more"
    assert not broker.hear()
    assert len(broker.log.warnings) == 300


def test_a_process_that_cannot_be_started_or_watched_has_died(broker: _Broker) -> None:
    broker.ask(2, CONFIRM)
    broker.processes.error = OSError(12, "Cannot allocate memory")
    broker.ask(3, LoadRequest("a", Spec("a")))
    assert broker.answers[3].result is Result.REFUSED
    said = broker.answers[3].reasons[0].message
    assert "could not be started: Cannot allocate memory" in said
    broker.join("b")
    assert len(broker.machine.members) == 0


def test_how_a_module_is_is_told_as_it_says_it_or_not_at_all(broker: _Broker) -> None:
    broker.executor.feed(Inquired(2, "a", 5.0))
    assert broker.answers[2] == {"error": "a: no such module"}
    broker.join("a")
    for client, (text, told) in enumerate((('{"x": 1}', {"x": 1}), ("{", None)), 3):
        broker.executor.feed(Inquired(client, "a", 5.0))
        report = Report(1, "a-1", client - 2, text)
        broker.executor.feed(Received(b"a", report))
        assert broker.answers[client] == {"version": 1, "told": told}


# The past


def test_a_rollback_reads_the_history_and_says_where_values_are_from(broker: _Broker) -> None:
    broker.ask(2, ChangeRequest(Earlier(), "rollback"))
    assert broker.answers[2].result is Result.COMMITTED
    running = broker.machine.running
    assert running is not None
    assert running.configuration == OLD
    broker.ask(3, ChangeRequest(Earlier(7), "rollback"))
    assert broker.answers[3].result is Result.REFUSED
    assert "7" in broker.answers[3].reasons[0].message
    assert broker.machine.generation == 3


def test_a_ledger_is_tidied_when_it_is_worth_its_while(broker: _Broker) -> None:
    broker.ask(2, CONFIRM)
    for number in range(100):
        broker.ask(number + 10, ChangeRequest(Replacement(_number(number)), "load"))
        if not broker.ledger.wants_maintenance and broker.ledger._untidied == 0:
            break
    assert broker.ledger._untidied == 0, "it was tidied"
    assert broker.log.warnings == []


def test_a_record_that_is_lost_is_warned_of_and_stops_nothing(broker: _Broker) -> None:
    broker.ask(2, CONFIRM)
    broker.disk.error = NotWritten("disk full")
    broker.join("a")
    broker.applied("a")
    assert broker.log.warnings == ["history not written"]
    assert broker.ended == []
    assert len(broker.machine.members.running()) == 1


def _number(number: int) -> Configuration:
    return Configuration.of({"v": number + 100})
