# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a state of a world is made of.  All of it is values; machines are numbers into a table.

Names of connections, incarnations and processes are the smallest that are free, so that what has
come and gone leaves no trace: `a:1` is a connection of participant `a`, `a/1` an incarnation.
"""

from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

from coordinator.core.machine import Coordinator
from participant.core.machine import Participant
from protocol.messages import FromCoordinator, FromParticipant
from tests.exploration.disk import Disk, Opened
from tests.exploration.life import Order
from tests.exploration.member import Module
from tests.exploration.structure import Fingerprint

Value = TypeVar("Value", bound=Hashable)


class Table(Generic[Value]):
    """Values and their numbers, from 1; 0 stands for none."""

    def __init__(self) -> None:
        self._numbers: dict[Value, int] = {}
        self._values: list[Value] = []

    def __len__(self) -> int:
        return len(self._values)

    def number(self, value: Value) -> int:
        """The number of this value, which is kept from now on."""
        found = self._numbers.get(value)
        if found is None:
            self._values.append(value)
            found = self._numbers[value] = len(self._values)
        return found

    def __getitem__(self, number: int) -> Value:
        return self._values[number - 1]


Machine = TypeVar("Machine", Coordinator, Participant)


class Machines(Generic[Machine]):
    """Machines by what they are; of those with one fingerprint the first one is kept."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._kept: list[tuple[Machine, Fingerprint]] = []

    def __len__(self) -> int:
        return len(self._kept)

    def number(self, machine: Machine) -> int:
        """The number of this machine, which must not change from now on."""
        found = Fingerprint(machine)
        known = self._numbers.get(found.value)
        if known is None:
            self._kept.append((machine, found))
            known = self._numbers[found.value] = len(self._kept)
        return known

    def __getitem__(self, number: int) -> Machine:
        return self._kept[number - 1][0]

    def fingerprint(self, number: int) -> Fingerprint:
        """What is known of a machine."""
        return self._kept[number - 1][1]


class Link(NamedTuple):
    """A connection between a participant and one life of a broker."""

    peer: bytes
    life: int
    book: int
    """Whose word is heard on it."""
    up: tuple[FromParticipant, ...] = ()
    """Under way to the broker."""
    down: tuple[FromCoordinator, ...] = ()
    above: bool = True
    """Whether the broker's end is open, as far as the broker knows."""
    below: bool = True
    severed: bool = False
    """Nothing that is sent from now on arrives; what is under way may."""


class Fence(NamedTuple):
    """Whom an incarnation has to obey, by what it was told."""

    ledger: str = ""
    epoch: int = 0
    session: str = ""
    peer: bytes = b""
    """The connection on which it has said the Join of that session."""


class Ran(NamedTuple):
    """What an incarnation took into use last."""

    book: int = 0
    generation: int = 0


class Process(NamedTuple):
    """A process with one participant in it."""

    name: str
    pid: int
    machine: int
    child: bool
    life: int = 0
    """Whose child it is, or who watches it."""
    ticket: int = 0
    reported: bool = True
    """Whether the broker has been told that it was started."""
    state: str = "up"
    """"up", "dead" (not reported yet), or "gone" (what it has said is still under way)."""
    doomed: bool = False
    """It is about to be killed."""
    module: Module = Module()
    hung: bool = False
    """What its module does takes longer than anybody's patience."""
    retries: bool = False
    """It was turned away, and tries again after a while."""
    link: Link | None = None
    former: tuple[Link, ...] = ()
    """Connections whose other end does not know yet that they are gone."""
    past: tuple[tuple[int, FromCoordinator], ...] = ()
    """What was under way on them, and may find its way here after all; with the book."""
    heard: int = 0
    """The book of what it heard last that commands."""
    asked: str = ""
    """The txid of the last Prepare that was no dry run."""
    question: str = ""
    """The txid that it has said yes to, and whose decision it has not heard."""
    fence: Fence = Fence()
    ran: Ran = Ran()
    broke: bool = False
    """It has said that it does not run what it took into use last."""


class Life(NamedTuple):
    """A life of a broker."""

    machine: int
    number: int
    book: int
    opened: Opened
    taken: bool = False
    ready: bool = False
    wakes: tuple[float, ...] = ()
    """In seconds from now."""
    line: tuple[Order, ...] = ()
    """Jobs for the ledger's disk."""
    news: tuple[tuple[Order, object], ...] = ()
    """What the disk has done, and the loop has not heard of."""
    reads: tuple[tuple[str, Order], ...] = ()
    acknowledged: int = 0
    """The generation that the loop has heard to be on disk."""
    roll: tuple[tuple[str, bytes, int], ...] = ()
    """Who are members, by what was said: name, connection, and what it has said that it runs."""


class Budget(NamedTuple):
    """How often each fault may happen."""

    crash: int = 0
    cut: int = 0
    kill: int = 0
    slow: int = 0
    """Time passes although something could happen at once."""
    no: int = 0
    """A module refuses something that it could take."""
    hang: int = 0
    breaks: int = 0
    die: int = 0
    full: int = 0
    fsync: int = 0
    hangup: int = 0
    stop: int = 0
    join: int = 0
    """An attached participant comes that was not there, or comes again."""
    leave: int = 0
    stale: int = 0
    takeover: int = 0
    afresh: int = 0
    """A crash after which the state directory is empty."""
    restore: int = 0
    """A crash after which it is a copy of what it was in the beginning."""

    def less(self, what: str) -> "Budget":
        """One less of this."""
        return self._replace(**{what: getattr(self, what) - 1})


class Around(NamedTuple):
    """The rest of a world."""

    disk: Disk
    clients: tuple[float | str, ...]
    """Of each request: "" before it is asked, seconds until an answer is due, "done"."""
    lives: int
    """How many there have been."""
    gave_up: Budget | None = None
    """What was left when a start gave up last."""
    hopeless: bool = False
    """It gave up again, though nothing had gone wrong meanwhile: nobody tries a third time."""


Numbers = tuple[int, ...]
"""A state: life, former life, processes, surroundings, budget, books."""
