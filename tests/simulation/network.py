# SPDX-License-Identifier: LGPL-3.0-or-later
"""Links between participants and brokers: each FIFO, none in step with another.

A connection belongs to one life of a broker.  When it is cut, what was under way is lost from some
point on, and the two ends notice at moments of their own; until the broker's end has noticed, what
it sends vanishes without a word.  A link can be blocked (no new connection) and held (late).
"""

import random
from collections import deque
from typing import TYPE_CHECKING, Final

from protocol import limits

if TYPE_CHECKING:
    from tests.simulation.books import Book
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.simulated_process import SimulatedProcess
    from tests.simulation.world import World

_RETRY: Final = (0.05, 1.0)  # seconds until a lost connection is tried again, as in the real link


class Connection:
    """One connection.  `up` is towards the broker, `down` towards the participant."""

    __slots__ = ("broker", "chance", "host", "last_down", "last_up", "network", "open_above",
                 "open_below", "peer", "severed", "under_way")  # fmt: skip

    def __init__(
        self, network: "Network", peer: bytes, host: "SimulatedProcess", broker: "SimulatedBroker"
    ) -> None:
        self.network = network
        self.peer = peer
        self.host = host
        self.broker = broker
        self.chance = network.world.chance.stream(f"link {host.name}")
        self.open_above = self.open_below = True
        self.severed = False
        self.last_up = self.last_down = 0.0
        self.under_way = 0

    def up(self, frame: bytes) -> None:
        """From the participant to the broker."""
        if not self.severed:
            self.last_up = self.network.arrival(self, self.last_up)
            self.network.world.scheduler.at(self.last_up, self._arrive_above, frame)

    def down(self, frame: bytes) -> bool:
        """From the broker to the participant; False where the broker can tell it is of no use."""
        if not self.open_above or self.under_way >= self.network.queue:
            return False
        self.network.remember(self.host.name, self.broker, frame)
        if not self.severed:
            self.under_way += 1
            self.last_down = self.network.arrival(self, self.last_down)
            self.network.world.scheduler.at(self.last_down, self._arrive_below, frame)
        return True

    def _arrive_above(self, frame: bytes) -> None:
        if self.open_above:
            self.broker.hear(self.peer, frame)

    def _arrive_below(self, frame: bytes) -> None:
        if self.open_below:
            self.host.hear(self, frame)

    def sever(self) -> None:
        """Nothing sent from now on arrives; what is under way may, until the ends notice."""
        if self.severed:
            return
        self.severed = True
        scheduler = self.network.world.scheduler
        scheduler.after(self.network.delay(self.chance), self._end_above)
        scheduler.after(self.network.delay(self.chance), self._end_below)

    def finish(self) -> None:
        """The broker closes its end in good order: what is under way still arrives."""
        if self.severed:
            return
        self.severed = True
        self.open_above = False
        last = max(self.last_down, self.network.world.scheduler.now)
        self.network.world.scheduler.at(last, self._end_below)

    def finish_below(self) -> None:
        """The same from the participant's end."""
        if not self.severed:
            self.severed = True
            self.network.world.scheduler.at(self.last_up, self._end_above)
        self.open_below = False

    def _end_above(self) -> None:
        self.open_above = False

    def _end_below(self) -> None:
        if self.open_below:
            self.open_below = False
            self.host.cut(self)


class Network:
    """Makes connections and decides how long things take on them."""

    def __init__(self, world: "World", mean: float, queue: int = limits.FRAMES_QUEUED) -> None:
        self.world = world
        self.mean = mean
        self.queue = queue
        """Frames that may wait on one connection before its broker is told that it is full."""
        self.blocked: dict[str, None] = {}
        self.held_until: dict[str, float] = {}
        self._waiting: dict[int, SimulatedProcess] = {}
        self._past: dict[str, deque[tuple[SimulatedBroker, bytes]]] = {}
        self._made = 0

    def delay(self, chance: random.Random) -> float:
        """How long one thing takes; now and then much longer than the others."""
        draw = chance.random()
        return self.mean * (draw if draw < 0.9 else 40 * (draw - 0.88))

    def arrival(self, connection: Connection, after: float) -> float:
        """When a frame sent now gets there: behind the one before it."""
        held = self.held_until.get(connection.host.name, 0.0)
        return max(self.world.scheduler.now + self.delay(connection.chance), after, held)

    # Making connections

    def connect(self, host: "SimulatedProcess", at_once: bool = False) -> None:
        """Have `host` connected as soon as there is somebody to connect to."""
        self._waiting[host.pid] = host
        seconds = self.world.chance.stream(f"link {host.name}").uniform(*_RETRY)
        self.world.scheduler.after(seconds / 100 if at_once else seconds, self._try, host)

    def _try(self, host: "SimulatedProcess") -> None:
        broker = self.world.broker
        if host.pid not in self._waiting or not host.wants_connection:
            return
        if broker is None or not broker.listening or host.name in self.blocked:
            return  # `retry` comes when that changes
        del self._waiting[host.pid]
        host.connected(self.open(host, broker))

    def open(self, host: "SimulatedProcess", broker: "SimulatedBroker") -> Connection:
        """A connection, at once."""
        self._made += 1
        connection = Connection(self, b"%d" % self._made, host, broker)
        broker.connections[connection.peer] = connection
        return connection

    def retry(self) -> None:
        """A broker has begun to listen, or a link has healed."""
        for host in self._waiting.values():
            seconds = self.world.chance.stream(f"link {host.name}").uniform(*_RETRY)
            self.world.scheduler.after(seconds, self._try, host)

    # What was said once

    def remember(self, name: str, broker: "SimulatedBroker", frame: bytes) -> None:
        """Keep the last frames that were sent to `name`."""
        self._past.setdefault(name, deque(maxlen=24)).append((broker, frame))

    def stale(self, name: str, ledger: str, epoch: int) -> list[tuple["Book", bytes]]:
        """What coordinators of other ledgers, or older than `epoch`, have said to `name`.

        Nothing for one that has obeyed nobody yet: its link is all that it knows a coordinator by.
        """
        if not ledger:
            return []
        return [
            (broker.book, frame)
            for broker, frame in self._past.get(name, ())
            if broker.book.ledger != ledger or broker.machine.epoch < epoch
        ]
