# SPDX-License-Identifier: LGPL-3.0-or-later
"""What may happen next in a state of a world.

Time passes when nothing else can happen, up to the next moment that the broker waits for; or, out
of a budget, sooner: everything may be slow, but not all the time.
"""

from collections.abc import Iterator
from typing import NamedTuple

from coordinator.core.events import Died, Started, Stop
from participant.core.events import Heard
from protocol.messages import (
    Applied,
    FromCoordinator,
    Vote,
)
from tests.exploration.acts import Act, Acts
from tests.exploration.books import ALL, Books, Enabled
from tests.exploration.disk import EMPTY, Disk
from tests.exploration.draft import Draft
from tests.exploration.folding import Folding
from tests.exploration.spec import Spec
from tests.exploration.state import Around, Life, Link, Numbers, Process
from tests.simulation.ledger import Mishap

TIME_PASSES = "time passes"
"""The words of what happens where nothing else does."""


class Move(NamedTuple):
    """Something that may happen."""

    words: str
    act: Act
    progress: bool = True
    """Whether it comes by itself: no fault, and nothing that a client has to do."""


class World(Acts):
    """One small world."""

    def __init__(self, spec: Spec, enabled: Enabled = ALL) -> None:
        super().__init__(spec, enabled)
        self.folding = Folding(spec.alike, self.parts, self.tables) if spec.alike else None

    def draft(self, numbers: Numbers) -> Draft:
        """This state, to be changed."""
        return Draft(self.parts, self.tables, self.enabled, numbers)

    def fold(self, numbers: Numbers) -> Numbers:
        """This state, or one that differs from it only in who of those alike is called what."""
        return self.folding.fold(numbers) if self.folding is not None else numbers

    def known(self) -> int:
        """How many parts of states have a number, but for crowds, which are numbers themselves."""
        tables, parts = self.tables, self.parts
        return (
            len(tables.lives) + len(tables.processes) + len(tables.arounds) + len(tables.budgets)
            + len(tables.books) + len(parts.coordinators) + len(parts.participants)
        )  # fmt: skip

    # The beginning

    def initial(self) -> Numbers:
        """Where it begins: before a broker is started, or when everybody is well."""
        draft = Draft(self.parts, self.tables, self.enabled)
        draft.life = draft.former = None
        draft.processes = []
        draft.around = Around(EMPTY, ("",) * len(self.spec.requests), 0)
        draft.budget = self.spec.budget
        draft.books = Books()
        for name in self.spec.attached:
            self._spawn(draft, name)
        numbers = draft.numbers()
        if self.spec.cold:
            return numbers
        while True:  # as it comes, without faults
            draft = self.draft(numbers)
            ready = draft.life is not None and draft.life.ready
            move = next((move for move in self.moves(draft) if move.progress), None)
            if move is None or (ready and move.words == TIME_PASSES):
                break
            move.act(draft)
            numbers = draft.numbers()
        draft = self.draft(numbers)
        self.backup, self.backup_book = Disk(draft.around.disk.images[-1:]), draft.books.of(1)
        draft.around = draft.around._replace(disk=self.backup)
        return self.fold(draft.numbers())

    def _spawn(self, draft: Draft, name: str) -> None:
        pid = draft.free_number(name)
        draft.processes.append(Process(name, pid, self.parts.born(name, pid), child=False))

    # What may happen

    def moves(self, draft: Draft) -> list[Move]:
        """All that may happen now."""
        soon = list(self._progress(draft))
        late = [] if soon else list(self._slow_things(draft))
        wakes = draft.life.wakes if draft.life is not None else ()
        found = [*soon, *late]
        if draft.budget.slow and soon and wakes and 0.0 not in wakes:
            found.append(Move("time passes, though there is more to do", _spent("slow", self._pass),
                              progress=False))  # fmt: skip
        found.extend(self._clients(draft))
        found.extend(self._faults(draft))
        return found

    def _progress(self, draft: Draft) -> Iterator[Move]:
        if draft.life is None and not draft.around.hopeless:
            yield Move("the broker starts", self._start)
        for life in (draft.life, draft.former):
            if life is not None:
                yield from self._of_life(draft, life)
        former = draft.former
        if former is not None:
            yield Move("the former broker is gone", lambda draft: draft.end_life(former, True))
        for process in draft.processes:
            yield from self._of_process(draft, process)

    def _of_life(self, draft: Draft, life: Life) -> Iterator[Move]:
        if life is draft.life and 0.0 in life.wakes:  # it was due when it was asked for
            yield Move("the broker is woken, as it wanted", self._pass)
        if life.line and not life.news:
            yield Move("the disk writes", self._disk(life, None))
            if draft.budget.full:
                yield Move("the disk is full", _spent("full", self._disk(life, Mishap.REFUSED)),
                           progress=False)  # fmt: skip
            if draft.budget.fsync:
                yield Move("fsync fails", _spent("fsync", self._disk(life, Mishap.UNCERTAIN)),
                           progress=False)  # fmt: skip
        if life.news:
            yield Move("the broker hears of the disk", self._news(life))
        for place in range(len(life.reads)):
            yield Move("it has been read", self._read(life, place))
        for process in draft.processes:
            if process.life == life.number and process.ticket:
                yield from self._supervision(life, process)

    def _supervision(self, life: Life, process: Process) -> Iterator[Move]:
        name, ticket = process.name, process.ticket
        if process.state != "up":
            if process.state == "dead":
                why = "ended" if process.reported else "could not be started"
                event = Died(name, ticket, why)
                yield Move(f"died {name}", self._event_of(life, process, event, ticket=0))
        elif not process.reported:
            started = Started(name, ticket, process.pid)
            yield Move(f"spawned {name}", self._event_of(life, process, started, reported=True))

    def _of_process(self, draft: Draft, process: Process) -> Iterator[Move]:
        for old in process.former:
            if old.above and old.up:
                yield Move(f"{_said(old)} (on a former connection)", self._hear_above(process, old))
            elif old.above:
                yield Move(f"the end of {old.peer.decode()} is noticed",
                           self._notice_above(process, old))  # fmt: skip
        link = process.link
        if link is not None and link.above and link.up:
            yield Move(_said(link), self._hear_above(process, link))
        if link is not None and link.above and link.severed and not link.up:
            yield Move(f"the end of {link.peer.decode()} is noticed",
                       self._notice_above(process, link))  # fmt: skip
        if process.state != "up":
            return
        name = process.name
        if process.doomed:
            yield Move(f"{name} is killed", lambda draft: self._die(draft, process))
        working = bool(process.module.work)
        if working and not process.hung:
            yield from self.people.choices(draft, process, process, f"{name} is done", None)
        if working and name not in self.spec.concurrent:
            return
        if link is not None and link.down:
            yield from self._hear_below(draft, process, link)
        elif link is not None and link.severed:
            yield Move(f"{name} is cut off", lambda draft: self._cut_below(draft, process))
        elif link is None and not process.retries and draft.life is not None:
            yield self._connecting(draft, process)

    def _slow_things(self, draft: Draft) -> Iterator[Move]:
        if draft.life is not None and draft.life.wakes:
            yield Move(TIME_PASSES, self._pass)
            return
        for process in draft.processes:
            if process.hung and process.state == "up":
                words = f"{process.name} is done at last"
                yield from self.people.choices(draft, process, process, words, None)
            elif process.retries and process.state == "up" and draft.life is not None:
                yield self._connecting(draft, process)

    def _clients(self, draft: Draft) -> Iterator[Move]:
        life = draft.life
        if life is None or not life.ready:
            return
        states = draft.around.clients
        for client, state in enumerate(states, 1):
            if state == "":
                words, request = self.spec.requests[client - 1]
                yield Move(f"ask {client} {words}", self._ask(client, request.seconds),
                           progress=False)  # fmt: skip
            elif isinstance(state, float) and draft.budget.hangup:
                yield Move(f"hang up {client}", _spent("hangup", self._hang_up(client)),
                           progress=False)  # fmt: skip

    # Faults

    def _faults(self, draft: Draft) -> Iterator[Move]:
        budget, life = draft.budget, draft.life
        if life is not None:
            yield from self._crashes(draft, life)
            if budget.stop and life.ready:
                stop = _spent("stop", self._event(life, Stop()))
                yield Move("stop", stop, progress=False)
            if budget.takeover and draft.former is None and life.ready:
                yield Move("the broker is thought dead", _spent("takeover", self._take_over),
                           progress=False)  # fmt: skip
        for process in draft.processes:
            if process.state == "up":
                yield from self._faults_of(draft, process)
        if budget.join:
            for name in self.spec.attached:
                if not any(process.name == name for process in draft.processes):
                    yield Move(f"{name} comes", _spent("join", lambda draft, name=name:
                               self._spawn(draft, name)), progress=False)  # type: ignore[misc]  # fmt: skip

    def _crashes(self, draft: Draft, life: Life) -> Iterator[Move]:
        images = draft.around.disk.images
        for budget, words in (("crash", ""), ("afresh", ", and the ledger is lost"),
                              ("restore", ", and an old ledger is put back")):  # fmt: skip
            if not getattr(draft.budget, budget):
                continue
            for kept in range(len(images)) if budget == "crash" else (0,):
                lost = "" if kept == len(images) - 1 or words else ", and the disk forgets"
                crash = _spent(budget, self._crash(life, kept, budget))
                yield Move(f"the broker crashes{lost}{words}", crash, progress=False)

    def _faults_of(self, draft: Draft, process: Process) -> Iterator[Move]:
        budget, name = draft.budget, process.name
        link: Link | None = process.link
        if budget.kill:
            yield Move(f"{name} is killed by SIGKILL", _spent("kill", lambda draft:
                       self._die(draft, process)), progress=False)  # fmt: skip
        if budget.cut and link is not None and not link.severed:
            yield Move(f"the link of {name} is cut", _spent("cut", lambda draft:
                       draft.put(process, process._replace(link=link._replace(severed=True)))),
                       progress=False)  # fmt: skip
        if budget.leave and not process.child and link is not None and not process.module.work:
            yield Move(f"{name} leaves", _spent("leave", lambda draft:
                       self._leave(draft, process)), progress=False)  # fmt: skip
        if budget.stale and link is not None and not link.severed and not process.module.work:
            for said in dict.fromkeys(process.past):
                if said[1].ledger == process.fence.ledger and said[1].epoch >= process.fence.epoch:
                    continue
                yield from (
                    Move(move.words, _spent("stale", move.act), progress=False)
                    for move in self._from_the_past(draft, process, said)
                )

    # Connections

    def _connecting(self, draft: Draft, process: Process) -> Move:
        return Move(f"{process.name} connects", lambda draft: self._connect(draft, process))

    def _hear_below(self, draft: Draft, process: Process, link: Link) -> Iterator[Move]:
        message = link.down[0]
        rest = process._replace(link=link._replace(down=link.down[1:]))
        words = f"{process.name} hears {type(message).__name__}"
        yield from self.people.choices(draft, process, rest, words, Heard(message), link.book)
        if link.severed:
            yield Move(f"{process.name} is cut off", lambda draft: self._cut_below(draft, process))

    def _from_the_past(
        self, draft: Draft, process: Process, said: tuple[int, FromCoordinator]
    ) -> Iterator[Move]:
        book, message = said
        past = list(process.past)
        past.remove(said)
        rest = process._replace(past=tuple(past))
        words = f"{process.name} hears {type(message).__name__} from the past"
        return self.people.choices(draft, process, rest, words, Heard(message), book, past=True)


def _spent(budget: str, act: Act) -> Act:
    def spend(draft: Draft) -> None:
        draft.spend(budget)
        act(draft)

    return spend


def _said(link: Link) -> str:
    message = link.up[0]
    name = link.peer.decode().partition(":")[0]
    match message:
        case Vote(txid=txid, yes=yes):
            return f"vote {name} {txid} {'yes' if yes else 'no'}"
        case Applied(generation=generation, ok=ok):
            return f"applied {name} {generation}{'' if ok else ' not'}"
    return f"{type(message).__name__.lower()} {name}"
