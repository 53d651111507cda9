# SPDX-License-Identifier: LGPL-3.0-or-later
"""A life of a broker as a value: the production's machine and executor, taken through one event.

The executor is made anew for each event, because all that it remembers is whether its ledger was
taken over.  What it submits to a worker is remembered as the effect that it carried out; when the
worker has done its job, that effect is carried out again, to have the executor's own job and its
own sequel to it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from coordinator.core.decisions import Decision
from coordinator.core.effects import Effect, Step
from coordinator.core.events import Event
from coordinator.core.machine import Coordinator
from coordinator.core.requests import Spec
from coordinator.core.results import Outcome
from coordinator.environment import Environment
from coordinator.executor import Executor
from coordinator.files.proposal import Proposal
from coordinator.files.provenance import ProvenanceStore
from coordinator.ledger.interface import History, Ledger
from coordinator.observation.observer import Observer
from coordinator.processes.interface import Tell
from coordinator.runtime.worker import Job, Then, Workers
from protocol.codec import Malformed, decode_from_coordinator
from protocol.configuration import Configuration
from protocol.reasons import Reason
from tests.exploration.disk import Opened
from tests.exploration.structure import NOW

Order = Effect | Decision
"""What a worker does a job for."""


class Call(NamedTuple):
    """Something that a life does to the world around it."""

    verb: str
    about: tuple[Any, ...]


class Turn(NamedTuple):
    """What came of one event."""

    machine: Coordinator
    taken: bool
    calls: tuple[Call, ...]


@dataclass(slots=True)
class _Around:
    """The environment of an executor for one event: it writes down what is wanted of it."""

    opened: Opened
    closed: frozenset[bytes]
    """Connections of which a send tells that they are gone."""
    ledger: Ledger | None = None
    history: History | None = None
    files: Configuration | None = None
    captures: bool = False
    calls: list[Call] = None  # type: ignore[assignment]
    order: Order | None = None
    captured: tuple[Job, Then] | None = None

    def __post_init__(self) -> None:
        self.calls = []

    def call(self, verb: str, *about: Any) -> None:
        self.calls.append(Call(verb, about))

    def hook(self, when: str, what: object) -> None:
        if when == "before":
            self.order = cast(Order, what)

    # The ledger as the executor looks at it in the loop

    identity = property(lambda self: self.opened.identity)
    epoch = property(lambda self: self.opened.epoch)
    wants_maintenance = False

    # Transport

    def send(self, peers: Iterable[bytes], frame: bytes) -> list[bytes]:
        message = decode_from_coordinator(frame)
        assert not isinstance(message, Malformed), message.why
        lost = []
        for peer in peers:
            if peer in self.closed:
                lost.append(peer)
                self.call("unreachable", peer)
            else:
                self.call("send", peer, message)
        return lost

    def receive(self, most: int) -> Iterator[tuple[bytes, bytes]]:
        return iter(())

    def no_place_for(self, peer: bytes, name: str) -> str:
        return ""

    def descriptors(self) -> tuple[int, ...]:
        return ()

    def close(self) -> None:
        """Nothing to close."""

    # Processes

    def attach(self, tell: Tell) -> None:
        """Everything is told as an event."""

    def start(self, name: str, spec: Spec, ticket: int) -> None:
        self.call("start", name, ticket)

    def watch(self, name: str, pid: int, ticket: int) -> None:
        self.call("watch", name, pid, ticket)

    def kill(self, ticket: int) -> None:
        self.call("kill", ticket)

    def collect(self) -> None:
        """Everything is told as an event."""

    # Time, files, log

    def now(self) -> float:
        return NOW

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        self.call("wake", round(max(0.0, float(moment)), 6))

    def read(self) -> Proposal:
        assert self.files is not None
        return Proposal((), self.files)

    read_at_once = read

    def line(self, event: str, fields: Mapping[str, Any]) -> None:
        """The story has it all."""

    def notice(self, event: str, **fields: Any) -> None:
        """The same."""

    error = notice

    def warn(self, event: str, **fields: Any) -> None:
        assert event != "malformed", fields

    # Workers

    def submit(self, work: str, job: Job, then: Then) -> None:
        if self.captures:
            self.captured = (job, then)
        else:
            assert self.order is not None
            self.call("submit", work, self.order)


class _Worker(NamedTuple):
    around: _Around
    work: str

    def submit(self, job: Job, then: Then) -> None:
        self.around.submit(self.work, job, then)

    def finish(self, seconds: float) -> None:
        """The world does what is in line."""


class _Owner(NamedTuple):
    around: _Around

    def answer(self, client: int, answer: Outcome | dict[str, Any]) -> None:
        self.around.call("answer", client, answer)

    def stepped(self) -> None:
        """The machine has made a step."""

    def ready(self, refused: tuple[Reason, ...], warnings: tuple[Reason, ...]) -> None:
        self.around.call("ready", bool(refused))

    def end(self, status: int, reasons: tuple[Reason, ...]) -> None:
        lost = any(reason.message.startswith("the disk failed") for reason in reasons)
        self.around.call("end", lost, str(reasons[0]) if reasons else "halted")


def _executor(machine: Coordinator, taken: bool, around: _Around) -> Executor:
    ledger, files, places, history = (
        _Worker(around, work) for work in ("ledger", "files", "places", "history")
    )
    environment = Environment(
        ledger=cast(Ledger, around.ledger or around),
        history=cast(History, around.history),
        transport=cast(Any, around),
        supervisor=around,
        timers=around,
        workers=Workers(ledger, files, places, history),
        provenance=ProvenanceStore(),
        files=cast(Any, around),
        observer=Observer(cast(Any, around), lambda: NOW),
    )
    executor = Executor(machine, environment, _Owner(around), around.hook)
    if taken:
        executor._taken = (Reason("ledger", "another broker has it"),)
    return executor


class Driver(NamedTuple):
    """Takes lives that have the ledger open as `opened` through events."""

    opened: Opened

    def feed(
        self, machine: Coordinator, taken: bool, event: Event, closed: frozenset[bytes]
    ) -> Turn:
        """`machine`, which is changed, after this event."""
        around = _Around(self.opened, closed)
        return self._turn(machine, taken, around, lambda executor: executor.feed(event))

    def told(
        self,
        machine: Coordinator,
        taken: bool,
        order: Order,
        result: object,
        closed: frozenset[bytes],
    ) -> Turn:
        """`machine`, which is changed, after a worker has said what came of its job."""
        around = _Around(self.opened, closed)

        def sequel(executor: Executor) -> None:
            _, then = _captured(around, executor, order)
            then(result)

        return self._turn(machine, taken, around, sequel)

    def job(
        self,
        order: Order,
        ledger: Ledger | None = None,
        history: History | None = None,
        files: Configuration | None = None,
    ) -> Job:
        """What a worker is to do for this order."""
        around = _Around(self.opened, frozenset(), ledger, history, files)
        idle = Coordinator(self.opened.epoch, ledger=self.opened.identity)
        return _captured(around, _executor(idle, False, around), order)[0]

    def _turn(
        self,
        machine: Coordinator,
        taken: bool,
        around: _Around,
        act: Callable[[Executor], None],
    ) -> Turn:
        executor = _executor(machine, taken, around)
        act(executor)
        return Turn(machine, bool(executor._taken), tuple(around.calls))


def _captured(around: _Around, executor: Executor, order: Order) -> tuple[Job, Then]:
    """The executor's job for this order, and its sequel."""
    around.captures = True
    if isinstance(order, Decision):
        executor.carry_out(Step((), order))
    else:
        executor.carry_out(Step((order,)))
    around.captures = False
    assert around.captured is not None
    return around.captured
