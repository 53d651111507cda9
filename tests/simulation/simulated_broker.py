# SPDX-License-Identifier: LGPL-3.0-or-later
"""One life of a broker: the production's executor and machine, in a simulated environment.

The environment is `simulated_environment`'s; here are the ways in which a life is paused, or ends.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from coordinator.core.events import Asked, Begin, Event, Forced, Received
from coordinator.core.machine import Coordinator
from coordinator.core.requests import Spec
from coordinator.core.results import Outcome
from coordinator.environment import Environment
from coordinator.executor import Executor
from coordinator.files.provenance import ProvenanceStore
from coordinator.observation.observer import Observer
from coordinator.observation.timelines import ChangeMoments
from coordinator.opening import open_machine
from coordinator.runtime.worker import Workers
from protocol import limits
from protocol.configuration import Configuration
from protocol.reasons import Reason
from tests.simulation.network import Connection
from tests.simulation.simulated_environment import (
    SimulatedFiles,
    SimulatedLog,
    SimulatedSupervisor,
    SimulatedTimers,
    SimulatedTransport,
)
from tests.simulation.simulated_process import Crashed, SimulatedProcess
from tests.simulation.simulated_worker import SimulatedWorker

if TYPE_CHECKING:
    from coordinator.core.effects import Step
    from tests.simulation.world import World

_FILES_SECONDS = 0.05


class SimulatedBroker:
    """From the opening of the ledger to the end, however it comes; the executor's `Owner`."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.number = len(world.brokers)
        self.alive = True
        self.paused_at: float | None = None
        self.is_ready = False
        self.trip: int | None = None
        """Operations until it dies."""
        self.expected: tuple[str, ...] = ()
        self.connections: dict[bytes, Connection] = {}
        self.children: list[SimulatedProcess] = []
        self.drawn: list[ChangeMoments] = []
        """Pictures of changes that nobody has looked at yet."""
        self.chance = world.chance.stream("broker")
        self._disk_chance = world.chance.stream("disk")
        self._backlog: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self.ledger = world.store.open()
        self.book = world.book
        self.ledger.durable = partial(world.is_durable, self.book)
        self.machine = open_machine(
            self.ledger, world.scheduler.now, _Watched, world.setting.undo_failures
        )
        self.machine.broker = self
        self.transport = SimulatedTransport(self)
        files = SimulatedWorker(self, self._files_time)
        self._workers = Workers(
            ledger=SimulatedWorker(self, self._disk_time),
            files=files,
            places=files,
            history=SimulatedWorker(self, lambda: self.chance.random() * _FILES_SECONDS),
        )
        observer = Observer(SimulatedLog(world), *2 * (lambda: world.scheduler.now,))
        observer.timelines.keep = self.drawn.append
        environment = Environment(
            ledger=self.ledger,
            history=self.ledger.history(),
            transport=self.transport,
            supervisor=SimulatedSupervisor(self),
            timers=SimulatedTimers(self),
            workers=self._workers,
            provenance=ProvenanceStore(),
            files=SimulatedFiles(world),
            observer=observer,
        )
        self._executor = Executor(self.machine, environment, self, lambda *_: self.operate(_[0]))

    def __str__(self) -> str:
        of = f" of {self.book}" if self.book.number > 1 else ""
        return f"broker {self.machine.epoch}{of}"

    @property
    def listening(self) -> bool:
        """Whether a connection to it can be made now."""
        return self.alive and self.paused_at is None

    def begin(self, modules: tuple[str, ...], files: Configuration | None, fallback: bool) -> None:
        """Start."""
        self.expected = modules
        named = tuple((name, Spec(name)) for name in modules)
        self.feed(Begin(named, files, self.ledger.attached(), fallback, limits.START_SECONDS))

    # What happens to it

    def take(self, callback: Callable[..., object], *values: Any) -> None:
        """Its loop calls back: at once, when it goes on, or never, as its life has it."""
        if not self.alive:
            return
        if self.paused_at is not None:
            self._backlog.append((callback, values))
            return
        try:
            callback(*values)
        except Crashed:
            self.crash()

    def feed(self, event: Event) -> None:
        """Something happened."""
        self.take(self._executor.feed, event)

    def hear(self, peer: bytes, frame: bytes) -> None:
        """A frame has arrived."""
        self.transport.arrived.append((peer, frame))
        self.take(self._executor.hear)

    def operate(self, when: str = "before") -> None:
        """It is about to do one more thing, and may die before it."""
        if self.trip is not None and when == "before":
            self.trip -= 1
            if self.trip < 0:
                raise Crashed

    def news_time(self) -> float:
        """Seconds from the end of a job to the news of it."""
        return self._disk_chance.random() * self.world.disk_time

    def _disk_time(self) -> float:
        hang, self.world.disk_hang = self.world.disk_hang, 0.0
        return hang + self._disk_chance.random() * self.world.disk_time

    def _files_time(self) -> float:
        hang, self.world.files_hang = self.world.files_hang, 0.0
        return hang + self.chance.random() * _FILES_SECONDS

    # What the executor asks for

    def answer(self, client: int, answer: Outcome | dict[str, Any]) -> None:
        if isinstance(answer, Outcome):
            self.world.clients.answered(self, client, answer)
        else:
            self.world.clients.told(client)

    def stepped(self) -> None:
        for hook in self.world.hooks.stepped:
            hook(self)

    def ready(self, refused: tuple[Reason, ...], warnings: tuple[Reason, ...] = ()) -> None:
        self.is_ready = True
        self.world.tell("{} is ready{}", self, ", without the files" if refused else "")

    def end(self, status: int, reasons: tuple[Reason, ...]) -> None:
        if not self.alive:
            return
        self.alive = False
        lost = any(reason.message.startswith("the disk failed") for reason in reasons)
        self.world.tell("{} ends: {}", self, reasons[0] if reasons else "halted")
        for hook in self.world.hooks.ended:
            hook(self, lost)
        if lost:
            self._lose_power()
        else:
            self._executor.close()
        for connection in self.connections.values():
            connection.finish()
        self._leave()

    # Ends

    def pause(self) -> None:
        """SIGSTOP, or a machine that has other things to do."""
        if self.paused_at is None:
            self.paused_at = self.world.scheduler.now

    def resume(self) -> None:
        """SIGCONT: what has come in meanwhile is dealt with."""
        if self.paused_at is None:
            return
        self.world.clients.forgive(self, self.world.scheduler.now - self.paused_at)
        self.paused_at = None
        backlog, self._backlog = self._backlog, deque()
        for callback, values in backlog:
            self.take(callback, *values)
        if self is self.world.broker:
            self.world.network.retry()

    def crash(self) -> None:
        """It ends at once, and its modules with it."""
        if not self.alive:
            return
        self.alive = False
        self.world.tell("{} crashes", self)
        self._lose_power()
        for connection in self.connections.values():
            connection.sever()
        self._leave()

    def _lose_power(self) -> None:
        assert isinstance(self._workers.ledger, SimulatedWorker)
        self._workers.ledger.crash(interrupted=self._disk_chance.random() < 0.7)
        self.world.store.crash(self.ledger, self._disk_chance)

    def _leave(self) -> None:
        for host in self.children:
            host.die("its broker is gone")
        self.world.clients.cut(self)
        self.world.broker_is_gone(self)


class _Watched(Coordinator):
    """The production's machine; the checkers look at it between a step and its effects."""

    broker: SimulatedBroker

    def step(self, now: float, event: Event) -> "Step":
        broker, world = self.broker, self.broker.world
        if isinstance(event, Received):
            world.tell("{} hears {} from {}", broker, event.message,
                       broker.connections[event.peer].host.name)  # fmt: skip
        elif isinstance(event, Forced):
            broker.ledger.unacknowledged = False
        elif isinstance(event, Asked):
            world.clients.heard(event.client)
        step = super().step(now, event)
        for wanted in world.hooks.wanted:
            wanted(broker, event, step)
        for hook in world.hooks.thought:
            hook(broker)
        if step.force is not None:
            world.tell("{} will force {} as generation {}", broker, step.force.txid,
                       step.force.generation)  # fmt: skip
        return step
