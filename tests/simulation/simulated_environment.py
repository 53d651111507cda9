# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a broker's interfaces are in a simulated world: links, processes, virtual time, files."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from coordinator.core.events import Spawned
from coordinator.core.requests import Spec
from coordinator.files.proposal import Proposal
from coordinator.files.reading import Unreadable
from coordinator.processes.interface import Tell
from protocol.reasons import Refusal
from tests.simulation.trace import Frame

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.world import World


class SimulatedTransport:
    """Simulated links to participants."""

    def __init__(self, broker: "SimulatedBroker") -> None:
        self._broker = broker
        self.arrived: deque[tuple[bytes, bytes]] = deque()

    def send(self, peers: Iterable[bytes], frame: bytes) -> list[bytes]:
        lost, broker = [], self._broker
        for peer in peers:
            broker.operate()
            connection = broker.connections[peer]
            reached = connection.down(frame, broker.machine.epoch)
            broker.world.tell("{} sends {} to {}{}", broker, Frame(frame), connection.host.name,
                              "" if reached else ", who is not there")  # fmt: skip
            if not reached:
                lost.append(peer)
        return lost

    def receive(self, most: int) -> Iterator[tuple[bytes, bytes]]:
        while self.arrived:
            yield self.arrived.popleft()

    def descriptors(self) -> tuple[int, ...]:
        return ()

    @property
    def ready(self) -> bool:
        return bool(self.arrived)

    def close(self) -> None:
        """See `SimulatedBroker.end`."""


class SimulatedSupervisor:
    """Processes of the simulated world."""

    def __init__(self, broker: "SimulatedBroker") -> None:
        self._broker = broker
        self._world = broker.world

    def attach(self, tell: Tell) -> None:
        self._tell = tell

    def start(self, name: str, spec: Spec) -> None:
        if self._world.fails_to_start(name):
            raise OSError(0, "could not be started")
        host = self._world.spawn(name, self._broker)
        host.watchers[self._broker.machine.epoch, name] = self._broker
        self._broker.children.append(host)
        self._tell(Spawned(name, host.pid))

    def watch(self, name: str, pid: int) -> None:
        host = self._world.processes.get(pid)
        if host is None or not host.alive:
            raise ProcessLookupError
        host.watchers[self._broker.machine.epoch, name] = self._broker

    def kill(self, name: str, pid: int) -> None:
        host = self._world.processes.get(pid)
        if host is not None and host.parent is self._broker and host.name == name:
            chance = self._broker.chance
            seconds = 0.001 if chance.random() < 0.9 else 5 * chance.random()
            self._world.scheduler.after(seconds, host.die, "killed by its broker")

    def collect(self) -> None:
        """Everything is told as it happens."""

    def close(self) -> None:
        """See `SimulatedBroker.end`."""


class SimulatedTimers:
    """Virtual time."""

    def __init__(self, broker: "SimulatedBroker") -> None:
        self._broker = broker
        self._scheduler = broker.world.scheduler
        self._waiting: dict[float, None] = {}

    def now(self) -> float:
        return self._scheduler.now

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        if moment not in self._waiting:
            self._waiting[moment] = None
            self._scheduler.at(moment, self._due, moment, callback)

    def _due(self, moment: float, callback: Callable[[], None]) -> None:
        del self._waiting[moment]
        self._broker.take(callback)


class SimulatedFiles:
    """What is in the files at the moment of reading."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def read(self) -> Proposal:
        found = self._world.read_files()
        if isinstance(found, Refusal):
            raise Unreadable(found.reasons)
        return Proposal((), found)


class SimulatedLog:
    """The trace has it all; a broker has nothing to warn of but what liars say."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def line(self, event: str, fields: Mapping[str, Any]) -> None:
        """Not needed."""

    def warn(self, event: str, **fields: Any) -> None:
        if event == "malformed":
            assert fields["module"] in ("?", *self._world.liars), fields["why"]
