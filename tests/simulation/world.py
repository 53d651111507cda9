# SPDX-License-Identifier: LGPL-3.0-or-later
"""One simulated world: brokers one after another, processes, disk, network, clients, checkers."""

import itertools
from dataclasses import dataclass
from typing import Any

from coordinator.core.decisions import Durable
from coordinator.core.events import Died
from protocol import limits
from protocol.configuration import EMPTY, Configuration
from protocol.reasons import Refusal
from tests.simulation.books import Backup, Book
from tests.simulation.clients import Clients
from tests.simulation.ledger import Store
from tests.simulation.network import Network
from tests.simulation.promises import ALL, Hooks
from tests.simulation.promises.p7_fenced import Fence
from tests.simulation.randomness import Randomness
from tests.simulation.scheduler import Scheduler
from tests.simulation.simulated_broker import SimulatedBroker
from tests.simulation.simulated_process import Life, SimulatedProcess
from tests.simulation.trace import Trace


@dataclass(frozen=True, slots=True)
class Setting:
    """What a world is like, apart from what is done to it."""

    modules: tuple[str, ...]
    attached: tuple[str, ...]
    concurrent: tuple[str, ...]
    """Whose machines hear messages while their modules think."""
    delay: float
    disk_time: float
    slowness: float
    queue: int = limits.FRAMES_QUEUED
    files: bool = True
    """Whether brokers are started with configuration files."""
    undo_failures: bool = False
    """Whether a change that a member cannot apply is undone."""


@dataclass(frozen=True, slots=True)
class Poison:
    """What a configuration does to one participant that has voted for it."""

    name: str
    kind: str
    on_trial: bool
    """It is undone by itself; so it lasts when all other faults are over."""


@dataclass(frozen=True, slots=True)
class Doubts:
    """What one participant warns of; also when faults are over."""

    name: str
    at_start: bool
    """It would not start with it."""


class World:
    """Everything, with the state that belongs to nobody in particular."""

    def __init__(self, seed: int, setting: Setting, store: Store) -> None:
        self.setting = setting
        self.chance = Randomness(seed)
        self.scheduler = Scheduler()
        self.trace = Trace()
        self.store = store
        store.clock = lambda: self.scheduler.now
        store.chance = self.chance.stream("names")
        self.book = Book(1)
        """What the ledger in the state directory holds."""
        self.books = [self.book]
        self.backups: list[Backup] = []
        self.network = Network(self, setting.delay, setting.queue)
        self.clients = Clients(self)
        self.fences: dict[str, Fence] = {}
        """Whom each incarnation has to obey, by its messages."""
        self.hooks = Hooks([promise(self) for promise in ALL])
        self.broker: SimulatedBroker | None = None
        self.brokers: list[SimulatedBroker] = []
        self.liars: dict[str, None] = {}
        """Names of participants that have said what is not so."""
        self.processes: dict[int, SimulatedProcess] = {}
        self.lives: dict[str, Life] = {}
        self._lives_of: dict[str, list[Life]] = {}
        self.disk_time = setting.disk_time
        self.slowness = setting.slowness
        self.disk_hang = self.files_hang = 0.0
        self.files: Configuration | Refusal = EMPTY
        self.downtime = 0.0
        """Seconds that the next restart of the broker waits in addition."""
        self.fallback = True
        self.ending = False
        """Faults are over: whoever starts comes up."""
        self._verdicts: dict[str, tuple[str, ...]] = {}
        self._doubts: dict[str, Doubts] = {}
        self._poison: dict[str, Poison] = {}
        self._unstartable: dict[str, int] = {}
        self._unloadable: dict[str, int] = {}
        self._pids = itertools.count(100)
        self._incarnations = itertools.count(1)
        self._candidates = itertools.count(1)

    def tell(self, template: str, *values: Any) -> None:
        """A line of the story; values that can change are put into words at once."""
        told = tuple(
            str(v) if isinstance(v, SimulatedProcess | SimulatedBroker | BaseException) else v
            for v in values
        )
        self.trace.tell(self.scheduler.now, template, *told)

    def is_liar(self, name: str) -> bool:
        """Whether what this participant says may be untrue."""
        return name in self.liars

    # Configurations

    def candidate(self, rejected_by: tuple[str, ...]) -> Configuration:
        """A configuration nobody has seen, and who will reject it."""
        made = Configuration.of({"number": next(self._candidates)})
        self._verdicts[made.digest] = rejected_by
        return made

    def rejected_by(self, digest: str) -> tuple[str, ...]:
        """Whose modules do not want the configuration with this digest."""
        return self._verdicts.get(digest, ())

    def poison(self, candidate: Configuration, poison: "Poison") -> None:
        """Have one participant accept this candidate and come to grief over it, every time."""
        self._poison[candidate.digest] = poison

    def mishap_of(self, name: str, digest: str) -> str:
        """What befalls `name` when it takes this into use: "break", "die", "hang", or nothing."""
        poison = self._poison.get(digest)
        return poison.kind if poison is not None and poison.name == name else ""

    def doubt(self, candidate: Configuration, doubts: "Doubts") -> None:
        """Have one participant warn of this candidate."""
        self._doubts[candidate.digest] = doubts

    def doubts_of(self, name: str, digest: str) -> "Doubts | None":
        """What `name` has to say about a configuration that it would run, if anything."""
        doubts = self._doubts.get(digest)
        return doubts if doubts is not None and doubts.name == name else None

    def accept_everything(self) -> None:
        """From now on no module objects to anything."""
        self._verdicts.clear()

    def read_files(self) -> Configuration | Refusal:
        """What is in the files at this moment."""
        return self.files

    # Processes

    def next_incarnation(self, name: str, applied: Life) -> str:
        """A new one for `name`; `applied` is what it will have applied."""
        incarnation = f"{name}.{next(self._incarnations)}"
        self.lives[incarnation] = applied
        self._lives_of.setdefault(name, []).append(applied)
        return incarnation

    def lives_of(self, name: str) -> list[Life]:
        """What each incarnation of `name` has applied."""
        return self._lives_of.get(name, [])

    def spawn(self, name: str, parent: SimulatedBroker | None) -> SimulatedProcess:
        """A new process; it comes up and connects in its own time."""
        host = SimulatedProcess(
            self, name, next(self._pids), parent, name in self.setting.concurrent
        )
        self.processes[host.pid] = host
        self.tell("{} is started", host)
        if self._take(self._unloadable, name):
            self.scheduler.after(0.01, host.cannot_load)
        else:
            self.network.connect(host)
        return host

    def host(self, name: str) -> SimulatedProcess | None:
        """The youngest living process of this name."""
        found = None
        for host in self.processes.values():
            if host.name == name and host.alive:
                found = host
        return found

    def buried(self, host: SimulatedProcess, how: str) -> None:
        """Have those told who watch this process."""
        chance = self.chance.stream(f"process {host.name}")
        for (_, name, _), (watcher, ticket) in host.watchers.items():
            self.scheduler.after(0.02 * chance.random(), watcher.feed, Died(name, ticket, how))

    def fails_to_start(self, name: str) -> bool:
        """Whether the operating system will not start it, this time."""
        return self._take(self._unstartable, name)

    def will_not_start(self, name: str, loadable: bool) -> None:
        """Let the next start of `name` fail: the process, or only the module in it."""
        (self._unloadable if loadable else self._unstartable)[name] = 1

    def _take(self, failing: dict[str, int], name: str) -> bool:
        return failing.pop(name, 0) > 0 and not self.ending

    # Brokers

    def start_broker(self) -> None:
        """The next life, unless there is one."""
        if self.broker is not None:
            return
        self._poison.clear()  # a start with it fails, and somebody mends what fails
        broker = self.broker = SimulatedBroker(self)
        self.brokers.append(broker)
        last = broker.ledger.last()
        if last is not None and last.generation not in broker.book.decisions:
            self.is_durable(broker.book, last)
        for hook in self.hooks.started:
            hook(broker)
        broker.book.ledger, broker.book.epoch = broker.ledger.identity, broker.ledger.epoch
        self.backups.append(Backup(self.store.copy(), broker.book.copy(0)))
        self.tell("{} starts, with generation {}", broker, last.generation if last else 0)
        files = self.files if self.setting.files and isinstance(self.files, Configuration) else None
        fallback = self.fallback and last is not None
        if files is None and self.setting.files and not fallback:
            files = EMPTY  # it would not start at all, and this is not what is looked at here
        self.network.retry()
        broker.begin(self.setting.modules, files, fallback)

    def is_durable(self, book: Book, durable: Durable) -> None:
        """A decision is on disk to stay, whoever knows of it."""
        book.decisions[durable.generation] = durable.decision
        self.tell("generation {} ({}) is on disk", durable.generation, durable.receipt.txid)
        for hook in self.hooks.durable:
            hook(book, durable.decision)

    def change_ledger(self, backup: Backup | None) -> None:
        """The next life finds this copy in the state directory; None: nothing."""
        for broker in self.brokers:
            broker.crash()
        self.store.put(None if backup is None else backup.image)
        number = len(self.books) + 1
        self.book = Book(number) if backup is None else backup.book.copy(number)
        self.books.append(self.book)
        copied = backup.book if backup is not None else None
        what = f"a copy of epoch {copied.epoch}, generation {copied.last}" if copied else "empty"
        self.tell("the state directory is {}", what)

    def broker_is_gone(self, broker: SimulatedBroker) -> None:
        """Whoever looks after the broker starts it again, after a while."""
        if broker is self.broker:
            self.broker = None
            pause = 0.05 + self.downtime + self.chance.stream("supervisor").random()
            self.downtime = 0.0
            self.scheduler.after(pause, self.start_broker)

    def take_over(self) -> None:
        """A new broker is started though the old one is not dead, only very slow."""
        old = self.broker
        if old is None or not old.alive:
            return
        self.tell("{} is thought dead", old)
        old.pause()
        self.broker = None
        self.start_broker()

    # The end

    def heal(self) -> None:
        """No more faults; everything that is only slow or paused goes on."""
        self.ending, self.fallback = True, True
        self.accept_everything()
        self._poison = {digest: poison for digest, poison in self._poison.items()
                        if poison.on_trial}  # fmt: skip
        self.network.blocked.clear()
        self.network.held_until.clear()
        self.store.mishap = None
        self.disk_hang = self.files_hang = 0.0
        if isinstance(self.files, Refusal):
            self.files = self.candidate(())
        for broker in self.brokers:
            broker.trip = None
            if broker is not self.broker:
                broker.crash()
            broker.resume()
        for host in list(self.processes.values()):
            host.trip = None
            host.module.break_next = False
            host.renew = False
            if host.name in self.liars:
                host.die("killed as a liar")
        for host in list(self.processes.values()):
            host.resume()
        if self.broker is None:
            self.scheduler.after(0.1, self.start_broker)
        self.network.retry()

    def check_settled(self) -> None:
        """Nothing is left to happen: is everything where it should be?"""
        for hook in self.hooks.settled:
            hook()
