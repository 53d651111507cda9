# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the parts of a world do when something happens to them: worked out once, and remembered."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from coordinator.core.decisions import Decision
from coordinator.core.effects import (
    FindUnread,
    ReadFiles,
    ReadGeneration,
    RecordAttached,
    RecordAttempt,
    RecordFilesDigest,
    RecordKept,
    RecordNotApplied,
    RecordVoter,
    RecordWarnings,
    WriteConfirmation,
)
from coordinator.core.events import Event
from coordinator.core.machine import Coordinator
from coordinator.opening import open_machine
from participant.core.events import Event as ParticipantEvent
from participant.core.machine import Participant
from tests.exploration.disk import Disk, Opened, Session, opened_by, outcome_of
from tests.exploration.life import Call, Driver, Order
from tests.exploration.member import Choice, Module, Reaction, react
from tests.exploration.spec import Spec
from tests.exploration.state import Machines
from tests.exploration.structure import NOW, copied
from tests.simulation.ledger import Mishap

# All that a worker does.  What is in none of these is an error: what it means must be decided.

FORCED = (Decision, WriteConfirmation)
"""For the ledger, and the loop hears when it is on disk, or that it is not."""
RECORDED = (RecordAttached, RecordFilesDigest, RecordKept)
"""For the ledger; the loop does not wait, and a later life depends on it."""
UNIMPORTANT = (RecordAttempt, RecordNotApplied, RecordVoter, RecordWarnings)
"""Records that no promise and no machine depends on."""
READ = {ReadFiles: "files", ReadGeneration: "history", FindUnread: "places"}
"""Something is looked at, by which worker; the loop hears what was found."""


class Turned(NamedTuple):
    """What came of an event in a life: the machine's number, and what it does."""

    machine: int
    taken: bool
    calls: tuple[Call, ...]
    failed: str = ""
    """The assertion that did not hold."""


class Reacted(NamedTuple):
    """What came of an event in a participant."""

    machine: int
    reaction: Reaction | None
    failed: str = ""


class Names(NamedTuple):
    """Who is to be called what; the names of what is somebody's begin with his."""

    before: tuple[str, ...]
    after: tuple[str, ...]

    def of(self, text: str) -> str:
        """This text, if it is such a name, with the other one in its place."""
        for before, after in zip(self.before, self.after, strict=True):
            if text == before or text.startswith((f"{before}:", f"{before}/")):
                return after + text[len(before) :]
        return text


class Facts(NamedTuple):
    """What a coordinator's machine says of itself, for the ends and for the names in use."""

    idle: bool
    unconfirmed: bool
    provisional: bool
    """What is in force may still have to be undone, because a member cannot apply it."""
    members: tuple[tuple[str, str, int, int, bool], ...]
    """Name, state, pid, generation, and whether a vote is owed."""
    moments: frozenset[float]
    texts: frozenset[str]
    txids: int
    """Given in this life; the highest that it still knows is `highest`."""
    highest: int
    tickets: tuple[int, ...]
    """Of all members, by name."""
    counted: int
    """Tickets given."""


class Parts:
    """The steps of one world's machines."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.coordinators: Machines[Coordinator] = Machines()
        self.participants: Machines[Participant] = Machines()
        self.steps = 0
        self.turn = lru_cache(None)(self._turn)
        self.told = lru_cache(None)(self._told)
        self.react = lru_cache(None)(self._react)
        self.does = lru_cache(None)(self._does)
        self.opens = lru_cache(None)(self._opens)
        self.facts = lru_cache(None)(self._facts)
        self.later = lru_cache(None)(self._later)
        self.recounted = lru_cache(None)(self._recounted)
        self.words = lru_cache(None)(self._words)
        self.joining = lru_cache(None)(self._joining)
        self.renamed = lru_cache(None)(self._renamed)
        self.renamed_participant = lru_cache(None)(self._renamed_participant)

    # Coordinators

    def _turn(
        self, machine: int, opened: Opened, taken: bool, event: Event, closed: frozenset[bytes]
    ) -> Turned:
        self.steps += 1
        copy = copied(self.coordinators[machine])
        try:
            turn = Driver(opened).feed(copy, taken, event, closed)
        except AssertionError as error:
            return Turned(machine, taken, (), f"{type(error).__name__}: {error}")
        return Turned(self.coordinators.number(turn.machine), turn.taken, turn.calls)

    def _told(
        self,
        machine: int,
        opened: Opened,
        taken: bool,
        order: Order,
        result: object,
        closed: frozenset[bytes],
    ) -> Turned:
        self.steps += 1
        copy = copied(self.coordinators[machine])
        try:
            turn = Driver(opened).told(copy, taken, order, result, closed)
        except AssertionError as error:
            return Turned(machine, taken, (), f"{type(error).__name__}: {error}")
        return Turned(self.coordinators.number(turn.machine), turn.taken, turn.calls)

    def _later(self, machine: int, seconds: float) -> int:
        return self.coordinators.number(copied(self.coordinators[machine], shift=seconds))

    def _facts(self, machine: int) -> Facts:
        found, known = self.coordinators[machine], self.coordinators.fingerprint(machine)
        shared = found.shared
        former = [member.replaces for member in found.members if member.replaces is not None]
        everybody = sorted((*found.members, *former), key=lambda member: member.name)
        return Facts(
            found.operation.over and not found.queue,
            found.unconfirmed is not None,
            found.is_provisional or shared.unfinished or shared.failed_change is not None,
            tuple(
                (member.name, str(member.state), member.pid, member.generation,
                 member.owes is not None)
                for member in found.members
            ),
            frozenset(known.moments),
            frozenset(known.texts),
            shared._txids,
            highest_txid(known.texts, shared.epoch),
            tuple(member.ticket for member in everybody if member.ticket),
            shared._tickets,
        )  # fmt: skip

    def _recounted(self, machine: int, txids: int, tickets: tuple[int, ...]) -> int:
        """With txids counted on from `txids`, and these tickets called 1, 2, 3 and so on."""
        copy = copied(self.coordinators[machine])
        copy.shared._txids, copy.shared._tickets = txids, len(tickets)
        for member in copy.members:
            for one in (member, member.replaces):
                if one is not None and one.ticket:
                    one.ticket = tickets.index(one.ticket) + 1
        return self.coordinators.number(copy)

    def _renamed(self, machine: int, names: Names) -> int:
        copy = copied(self.coordinators[machine], rename=names.of)
        return self.coordinators.number(copy)

    def _renamed_participant(self, machine: int, names: Names) -> int:
        copy = copied(self.participants[machine], rename=names.of)
        return self.participants.number(copy)

    # The ledger

    def _does(
        self, disk: Disk, opened: Opened, order: Order, mishap: Mishap | None
    ) -> tuple[Disk, object]:
        self.steps += 1
        session = Session(disk, opened, mishap)
        driver = Driver(opened)
        job = driver.job(order, session.ledger, session.ledger.history(), self.spec.files)
        result = outcome_of(job)
        return session.after(), result

    def _opens(
        self, disk: Disk, identity: str, life: str
    ) -> tuple[Disk, Opened, int, tuple[str, ...]]:
        """The disk, who has it, the machine's number, and whom it expects to be attached."""
        self.steps += 1
        ledger, after = opened_by(disk, identity, life)
        machine = open_machine(ledger, NOW, Coordinator, self.spec.undo_failures)
        machine.shared.now = NOW
        opened, attached = Opened(ledger.identity, ledger.epoch, life), ledger.attached()
        return after(), opened, self.coordinators.number(machine), attached

    # Participants

    def born(self, name: str, number: int) -> int:
        """A new incarnation; its pid is the number, too, which is unlike others of that name."""
        return self.participants.number(Participant(name, f"{name}/{number}", number))

    def _joining(self, machine: int, joins: int) -> int:
        """With so many Joins said: the next one has a name that nobody knows (any more)."""
        copy = copied(self.participants[machine])
        copy._joins = joins
        return self.participants.number(copy)

    def _react(
        self, machine: int, module: Module, event: ParticipantEvent | None, choice: Choice
    ) -> Reacted:
        self.steps += 1
        copy = copied(self.participants[machine])
        try:
            reaction = react(copy, module, event, choice)
        except AssertionError as error:
            return Reacted(machine, None, f"{type(error).__name__}: {error}")
        return Reacted(self.participants.number(reaction.machine), reaction)

    def _words(self, machine: int) -> frozenset[str]:
        return frozenset(self.participants.fingerprint(machine).texts)


def highest_txid(texts: Iterable[str], epoch: int) -> int:
    """The highest number of a txid of this epoch, in whichever life, among all these texts."""
    parts = (text.split(".") for text in texts if text.startswith(f"{epoch}."))
    return max((int(part[1]) for part in parts), default=0)
