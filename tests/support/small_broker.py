# SPDX-License-Identifier: LGPL-3.0-or-later
"""An executor with a real machine and a real ledger, in a world that a test holds in its hands.

Jobs are done when they are handed in, the clock stands still, no process is ever started, and what
comes and goes on connections is put there, and looked at, by the test.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from coordinator.core.events import Asked, Begin
from coordinator.core.machine import Coordinator
from coordinator.core.requests import (
    Request,
    Spec,
)
from coordinator.core.results import Outcome
from coordinator.environment import Environment, Hook
from coordinator.executor import Executor
from coordinator.files.proposal import FilesOnDisk
from coordinator.files.proposal import Proposal as FileProposal
from coordinator.files.provenance import ProvenanceStore
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.ledger.sqlite_storage import SqliteFile, SqliteTransaction
from coordinator.observation.observer import Observer
from coordinator.opening import open_machine
from coordinator.processes.interface import Tell
from coordinator.runtime.worker import Job, Then, Workers, result_of
from protocol.codec import Malformed, decode_from_coordinator, encode
from protocol.configuration import Configuration
from protocol.messages import (
    Applied,
    FromCoordinator,
    Join,
)
from protocol.reasons import Reason

Kind = TypeVar("Kind")
OLD = Configuration.of({"v": 1})


class FailingDisk(SqliteFile):
    """The real one, which fails in its next commit if it is told to."""

    error: Exception | None = None

    def transaction(self, forced: bool) -> SqliteTransaction:
        super().transaction(forced)
        assert self._connection is not None
        return SqliteTransaction(self._connection, self._committing)

    def _committing(self) -> None:
        if self.error is not None:
            raise self.error


class WorkerAtOnce:
    """A worker whose jobs are done when they are handed in."""

    finished = False

    def submit(self, job: Job, then: Then) -> None:
        then(result_of(job))

    def finish(self, seconds: float) -> None:
        self.finished = True  # there is nothing in line


class StoppedClock:
    """It stands still."""

    def now(self) -> float:
        return 0.0

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        """It never comes."""


class QuietLinks:
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

    def no_place_for(self, peer: bytes, name: str) -> str:
        return self.full

    def descriptors(self) -> tuple[int, ...]:
        return ()

    @property
    def ready(self) -> bool:
        return bool(self.arrived)

    def close(self) -> None:
        """Nothing is open."""


class NoProcesses:
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


class KeptLog:
    """Every line."""

    def __init__(self, moment: Callable[[], int]) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.sent_before: dict[str, int] = {}
        """By the last line of each kind: how many messages were sent before it."""
        self._moment = moment

    def line(self, event: str, fields: Mapping[str, Any]) -> None:
        self.lines.append(event)
        self.sent_before[event] = self._moment()

    def warn(self, event: str, **fields: Any) -> None:
        self.warnings.append(event)

    def notice(self, event: str, **fields: Any) -> None:
        self.line(event, fields)


class SmallBroker:
    """An executor, and what it asked of its owner."""

    def __init__(self, folder: Path, hook: Hook | None = None) -> None:
        (folder / "state").mkdir(mode=0o700)
        self.files = folder / "f.toml"
        self.files.write_text("v = 2\n")
        self.disk = FailingDisk(str(folder / "state"))
        self.ledger = SqliteLedger(self.disk)
        self.answers: dict[int, Any] = {}
        self.ended: list[tuple[int, tuple[Reason, ...]]] = []
        self.is_ready = False
        self.worker = worker = WorkerAtOnce()
        self.links, self.processes = QuietLinks(), NoProcesses()
        self.log = KeptLog(lambda: len(self.links.sent))
        self.machine = open_machine(self.ledger, 0.0, Coordinator)
        self.observer = Observer(self.log)
        environment = Environment(
            ledger=self.ledger, history=self.ledger.history(), transport=self.links,
            supervisor=self.processes, timers=StoppedClock(),
            workers=Workers(worker, worker, worker, worker), provenance=ProvenanceStore(),
            files=FilesOnDisk(str(self.files)), observer=self.observer,
        )  # fmt: skip
        self.executor = Executor(self.machine, environment, self, hook)
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

    def proposal(self) -> FileProposal:
        found = FilesOnDisk(str(self.files)).read_at_once()
        assert found is not None
        return found

    def ask(self, client: int, request: Request) -> None:
        self.executor.feed(Asked(client, request))

    def answer(self, client: int, answer: Outcome | dict[str, Any]) -> None:
        assert client not in self.answers, "each client is answered once"
        self.answers[client] = answer

    def stepped(self) -> None:
        """Nobody looks."""

    def ready(self, refused: tuple[Reason, ...], warnings: tuple[Reason, ...]) -> None:
        self.is_ready = True
        self.said_at_start = (*refused, *warnings)

    def end(self, status: int, reasons: tuple[Reason, ...]) -> None:
        self.ended.append((status, reasons))
