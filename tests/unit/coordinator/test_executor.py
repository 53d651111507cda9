# SPDX-License-Identifier: LGPL-3.0-or-later
"""The executor with a real ledger whose disk fails: what is not known is not told as done."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coordinator.core.events import Asked, Begin
from coordinator.core.machine import Coordinator
from coordinator.core.requests import ChangeRequest, ConfirmRequest, FromFiles, Replacement, Request
from coordinator.core.results import Outcome, Result
from coordinator.executor import Environment, Executor, open_machine
from coordinator.files.proposal import FilesOnDisk
from coordinator.files.provenance import ProvenanceStore
from coordinator.ledger.errors import Fenced, NotWritten, Uncertain
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.ledger.sqlite_storage import SqliteFile, SqliteTransaction
from coordinator.observation.observer import Observer
from coordinator.runtime.worker import Job, Then, Workers, result_of
from protocol.configuration import Configuration
from protocol.reasons import Reason

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


class _Nobody:
    """No participants and no processes, a clock that stands still, and a log that nobody reads."""

    ready = False

    def now(self) -> float:
        return 0.0

    def receive(self, most: int) -> tuple[()]:
        return ()

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


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
        worker, nobody = _AtOnce(), _Nobody()
        world: Any = {"transport": nobody, "supervisor": nobody, "timers": nobody}
        self.machine = open_machine(self.ledger, 0.0, Coordinator)
        environment = Environment(
            ledger=self.ledger, history=self.ledger.history(),
            workers=Workers(worker, worker, worker, worker), provenance=ProvenanceStore(),
            files=FilesOnDisk(str(self.files)), observer=Observer(nobody), **world,
        )  # fmt: skip
        self.executor = Executor(self.machine, environment, self)
        self.executor.feed(Begin(files=OLD))

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
