# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a broker's interfaces are in a simulated world: links, processes, virtual time, files."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from coordinator.core.events import Died, Started
from coordinator.core.requests import Spec
from coordinator.files.proposal import Proposal
from coordinator.files.reading import Unreadable
from coordinator.processes.interface import Tell
from protocol.reasons import Refusal
from tests.simulation.trace import Frame

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.simulated_process import SimulatedProcess
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
            reached = connection.down(frame)
            broker.world.tell("{} sends {} to {}{}", broker, Frame(frame), connection.host.name,
                              "" if reached else ", who is not there")  # fmt: skip
            if not reached:
                lost.append(peer)
        return lost

    def receive(self, most: int) -> Iterator[tuple[bytes, bytes]]:
        while self.arrived:
            yield self.arrived.popleft()

    def no_place_for(self, peer: bytes, name: str) -> str:
        return ""

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
        self._starting: dict[int, SimulatedProcess | None] = {}
        self._ours: dict[int, SimulatedProcess] = {}
        self._unwanted: set[int] = set()

    def attach(self, tell: Tell) -> None:
        self._tell = tell

    def start(self, name: str, spec: Spec, ticket: int) -> None:
        if self._world.fails_to_start(name):
            self._fail(name, ticket)
            return
        chance, scheduler = self._broker.chance, self._world.scheduler
        comes = 0.01 * chance.random()
        late = comes + (0.01 if chance.random() < 0.6 else 4.0) * chance.random()
        lost = chance.random() < 0.02 and not self._world.ending
        self._starting[ticket] = None
        scheduler.after(comes, self._broker.take, self._begin, name, ticket)
        scheduler.after(late, self._broker.take, self._answer, name, ticket, lost)

    def _fail(self, name: str, ticket: int) -> None:
        """It cannot be asked, or the fork fails, and that is an answer, too."""
        seconds = self._broker.chance.random()
        if seconds < 0.3:
            raise OSError(0, "there is no memory")
        died = Died(name, ticket, "could not be started: fork")
        self._world.scheduler.after(seconds, self._broker.feed, died)

    def _begin(self, name: str, ticket: int) -> None:
        """The process is there; nobody knows of it but itself."""
        host = self._world.spawn(name, self._broker)
        self._broker.children.append(host)
        self._starting[ticket] = host

    def _answer(self, name: str, ticket: int, lost: bool) -> None:
        """The fork server answers, or dies instead."""
        host = self._starting.pop(ticket)
        if lost or host is None:
            self._tell(Died(name, ticket, "could not be started: the process to fork it from died"))
        elif not host.alive:
            self._tell(Died(name, ticket, "ended at once"))
        else:
            host.watchers[self._broker.number, name, True] = (self._broker, ticket)
            self._ours[ticket] = host
            if ticket in self._unwanted:
                self.kill(ticket)
            else:
                self._tell(Started(name, ticket, host.pid))

    def watch(self, name: str, pid: int, ticket: int) -> None:
        host = self._world.processes.get(pid)
        if host is None or not host.alive:
            raise ProcessLookupError
        host.watchers[self._broker.number, name, False] = (self._broker, ticket)

    def kill(self, ticket: int) -> None:
        host = self._ours.get(ticket)
        if host is None:
            self._unwanted.add(ticket)
            return
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

    def read_at_once(self) -> Proposal:
        return self.read()


class SimulatedLog:
    """The trace has it all; a broker has nothing to warn of but what liars say."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def line(self, event: str, fields: Mapping[str, Any]) -> None:
        """Not needed."""

    def notice(self, event: str, **fields: Any) -> None:
        """Not needed."""

    def warn(self, event: str, **fields: Any) -> None:
        if event == "malformed":
            assert fields["module"] in ("?", *self._world.liars), fields["why"]
