# SPDX-License-Identifier: LGPL-3.0-or-later
"""A state taken apart to be changed, and what a life's calls do to the rest of it."""

from typing import Any

from coordinator.core.decisions import Decision, Durable
from coordinator.core.effects import FindUnread
from coordinator.core.results import Outcome, Result
from protocol.messages import Prepare, Refuse, Shutdown
from tests.exploration.books import Books, Broken, Case, Enabled, shown
from tests.exploration.parts import (
    FORCED,
    READ,
    RECORDED,
    UNIMPORTANT,
    Parts,
    Turned,
    highest_txid,
)
from tests.exploration.state import (
    Around,
    Budget,
    Life,
    Link,
    Numbers,
    Process,
    Ran,
    Table,
)

DUE_SLACK = 1e-6


class Tables:
    """Where the parts of states are kept."""

    def __init__(self) -> None:
        self.lives: Table[Life] = Table()
        self.processes: Table[Process] = Table()
        self.crowds: Table[tuple[int, ...]] = Table()
        self.arounds: Table[Around] = Table()
        self.budgets: Table[Budget] = Table()
        self.books: Table[Books] = Table()
        self.texts: dict[int, frozenset[str]] = {}
        """Texts in a process and on its connections, by its number."""


class Draft:
    """One state, being changed."""

    def __init__(
        self, parts: Parts, tables: Tables, enabled: Enabled, numbers: Numbers | None = None
    ) -> None:
        self.parts = parts
        self.tables = tables
        self.enabled = enabled
        self.story: list[str] = []
        if numbers is None:
            return
        life, former, crowd, around, budget, books = numbers
        self.life = tables.lives[life] if life else None
        self.former = tables.lives[former] if former else None
        self.processes = [tables.processes[number] for number in tables.crowds[crowd]]
        self.around = tables.arounds[around]
        self.budget = tables.budgets[budget]
        self.books = tables.books[books]

    def numbers(self) -> Numbers:
        """The state as it is now."""
        self._tidy()
        tables = self.tables
        crowd = sorted(self.processes, key=lambda process: (process.name, process.pid))
        return (
            tables.lives.number(self.life) if self.life else 0,
            tables.lives.number(self.former) if self.former else 0,
            tables.crowds.number(tuple(tables.processes.number(one) for one in crowd)),
            tables.arounds.number(self.around),
            tables.budgets.number(self.budget),
            tables.books.number(self.books),
        )

    def spend(self, what: str) -> None:
        """A fault has happened."""
        self.budget = self.budget.less(what)

    def put(self, before: Process, after: Process | None) -> None:
        """A process has changed, or (None) is no more."""
        place = self.processes.index(before)
        if after is None:
            del self.processes[place]
        else:
            self.processes[place] = after

    def tell(self, line: str) -> None:
        """A line of the story."""
        self.story.append(line)

    # Lives

    def life_of(self, number: int) -> Life | None:
        """The life of this number, if it goes on."""
        for life in (self.life, self.former):
            if life is not None and life.number == number:
                return life
        return None

    def set_life(self, life: Life, after: Life | None) -> None:
        """A life has changed, or ended."""
        if self.life is not None and self.life.number == life.number:
            self.life = after
        elif self.former is not None and self.former.number == life.number:
            self.former = after

    def closed(self, life: Life) -> frozenset[bytes]:
        """Connections that the machine may know, and whose end is known to be closed."""
        texts = self.parts.facts(life.machine).texts
        known = {text.encode() for text in texts if ":" in text}
        if not known:
            return frozenset()
        for process in self.processes:
            for link in (process.link, *process.former):
                if link is not None and link.life == life.number and link.above:
                    known.discard(link.peer)
        return frozenset(known)

    def carry_out(self, life: Life, turned: Turned) -> Life | None:
        """What a life does in one turn; the life after it."""
        if turned.failed:
            raise Broken("assertion", turned.failed)
        machine = self.parts.facts(turned.machine)
        # One that is due comes all the same; of the others, those that the machine waits for.
        wanted = {0.0, *machine.moments}
        wakes = wanted.intersection(life.wakes)
        life = life._replace(machine=turned.machine, taken=turned.taken)
        ended = ""
        for verb, about in turned.calls:
            match verb:
                case "wake":
                    wakes.update(wanted.intersection(about))
                case "send":
                    life = self._send(life, *about)
                case "submit":
                    life = self._submit(life, *about)
                case "answer":
                    self._answer(life, *about)
                case "ready":
                    life = life._replace(ready=True)
                    self.tell("ready")
                case "unreachable":
                    life = _strike_peer(life, about[0])
                case "end":
                    lost, why = about
                    ended = why
                    self.tell(f"the broker ends: {why}")
                    self._check_end(life, lost)
                case _:
                    life = self._about_process(life, verb, about)
        life = life._replace(wakes=tuple(sorted(wakes)))
        if ended:
            self.set_life(life, life)
            self.end_life(life, crashed=False)
            return None
        current = self.life is None or life.number == self.life.number
        if "P9" in self.enabled and current:
            found = self.parts.coordinators[life.machine]
            shown(found, life.acknowledged, self.around.disk.now)
        life = self._records(life)
        self.set_life(life, life)
        self._check_wakes(life)
        return life

    def _check_wakes(self, life: Life) -> None:
        """P8: no client waits while nothing is set that would wake the broker."""
        if life.wakes or "P8" not in self.enabled or self.life is None:
            return
        for client, state in enumerate(self.around.clients, 1):
            if isinstance(state, float) and life.number == self.life.number:
                raise Broken("P8", f"client {client} waits, and nothing will wake the broker")

    def _send(self, life: Life, peer: bytes, message: Any) -> Life:
        name = peer.decode().partition(":")[0]
        self.tell(f"send {_short(message)} -> {name}")
        if isinstance(message, Prepare):
            self._asks(life, message.txid, message.allowed)
        if isinstance(message, Refuse | Shutdown):
            life = _strike_peer(life, peer)
        for process in self.processes:
            for link in (process.link, *process.former):
                if link is None or link.peer != peer or link.life != life.number:
                    continue
                if link.below and not link.severed:
                    sent = link._replace(down=(*link.down, message))
                    self.put(process, process._replace(link=sent))
                return life
        return life

    def _submit(self, life: Life, work: str, order: Any) -> Life:
        if work != "ledger":
            assert READ.get(type(order)) == work, f"{type(order).__name__}: what is it to {work}?"
            self.tell(f"read for {order.txid}")
            if isinstance(order, FindUnread):
                self._asks(life, order.txid)
            return life._replace(reads=(*life.reads, (work, order)))
        if isinstance(order, UNIMPORTANT):
            return life
        assert isinstance(order, FORCED + RECORDED), f"{type(order).__name__}: does it matter?"
        self.tell(f"to the ledger: {_short(order)}")
        if isinstance(order, Decision):
            self._asks(life, order.txid)
            self.books = self.books.forces(life.book, order.txid, self._well(life))
        return life._replace(line=(*life.line, order))

    def _asks(self, life: Life, txid: str, allowed: float = 0.0) -> None:
        asked = frozenset(entry[0] for entry in life.roll)
        self.books = self.books.asks(life.book, txid, asked, self._well(life), allowed)

    def _well(self, life: Life) -> frozenset[str]:
        """Who is there, and has said that it runs what is in force."""
        return frozenset(
            process.name
            for process in self.processes
            if process.state == "up"
            and process.link is not None
            and (process.name, process.link.peer, life.acknowledged) in life.roll
            and not process.link.severed
            and not process.broke
            and not process.module.work
        )

    def _records(self, life: Life) -> Life:
        """What may be lost is written as soon as it comes to be its turn; no promise waits."""
        while life.line and isinstance(life.line[0], RECORDED):
            order = life.line[0]
            disk, _ = self.parts.does(self.around.disk, life.opened, order, None)
            self.around = self.around._replace(disk=disk)
            life = life._replace(line=life.line[1:])
        return life

    def _answer(self, life: Life, client: int, outcome: Outcome) -> None:
        missed = f", not applied by {' '.join(outcome.not_applied)}" if outcome.not_applied else ""
        self.tell(f"answer {client}: {outcome.result}, generation {outcome.generation}{missed}")
        clients = list(self.around.clients)
        if clients[client - 1] != "cut":
            clients[client - 1] = "done"
        self.around = self.around._replace(clients=tuple(clients))
        self.books = self.books.answered(life.book, outcome, self.enabled)
        if self.parts.spec.undo_failures and "undone" in self.enabled:
            self.books.undone(life.book, outcome)
        if outcome.result is Result.UNCHANGED and outcome.txid and "truth" in self.enabled:
            self._check_all_run(life, outcome)

    def _check_all_run(self, life: Life, outcome: Outcome) -> None:
        """Whoever obeys this broker and does not run what is in force is named."""
        named = {*outcome.not_applied, *(reason.module for reason in outcome.reasons)}
        authority = (life.opened.identity, life.opened.epoch)
        for process in self.processes:
            there = process.state == "up" and not process.doomed
            obeys = process.fence[:2] == authority and process.name not in named
            if there and process.broke and obeys:
                raise Broken("truth", f"nothing changes, and {process.name} does not run it")

    def _about_process(self, life: Life, verb: str, about: tuple[Any, ...]) -> Life:
        match verb:
            case "start":
                name, ticket = about
                self.tell(f"start process {name}")
                self._start(life, name, ticket)
            case "watch":
                name, pid, ticket = about
                for process in self.processes:
                    if process.name == name and process.pid == pid:
                        watched = process._replace(life=life.number, ticket=ticket)
                        self.put(process, watched)
                        break
                else:
                    raise AssertionError("somebody joins who is not there")
            case "kill":
                for process in list(self.processes):
                    mine = process.life == life.number and process.ticket == about[0]
                    if mine and process.child:
                        self.tell(f"kill {process.name}")
                        life = strike_name(life, process.name)
                        if process.state == "up":
                            self.put(process, process._replace(doomed=True))
        return life

    def _start(self, life: Life, name: str, ticket: int) -> None:
        pid = self.free_number(name)
        self.processes.append(
            Process(
                name,
                pid,
                self.parts.born(name, pid),
                child=True,
                life=life.number,
                ticket=ticket,
                reported=False,
            )
        )

    def free_number(self, name: str) -> int:
        """The smallest that is no pid, and part of no incarnation, of this name."""
        used = {process.pid for process in self.processes if process.name == name}
        for life in (self.life, self.former):
            if life is not None:
                facts = self.parts.facts(life.machine)
                used.update(
                    int(text.partition("/")[2].partition(".")[0])
                    for text in facts.texts
                    if text.startswith(f"{name}/")
                )
                used.update(pid for one, _, pid, _, _ in facts.members if one == name)
        return next(number for number in range(1, 99) if number not in used)

    # Ends

    def _check_end(self, life: Life, lost: bool) -> None:
        """Who ends of its own accord leaves nobody without an answer."""
        if lost or "P8" not in self.enabled or life.number != (self.life or life).number:
            return
        for client, state in enumerate(self.around.clients, 1):
            if isinstance(state, float):
                raise Broken("P8", f"the broker ends without an answer to client {client}")

    def end_life(self, life: Life, crashed: bool) -> None:
        """Its connections, its children and its clients see that it is gone."""
        if not crashed:
            life = self.finish_line(life)
            if not life.ready:
                hopeless = self.around.gave_up == self.budget
                self.around = self.around._replace(gave_up=self.budget, hopeless=hopeless)
        is_current = self.life is not None and self.life.number == life.number
        self.set_life(life, None)
        for process in list(self.processes):
            if process.child and process.life == life.number:
                self.put(process, None)
                continue
            link, ticket = process.link, process.ticket
            if link is not None and link.life == life.number:
                link = link._replace(above=False, severed=True, up=())
            former = tuple(one for one in process.former if one.life != life.number)
            if process.life == life.number:
                ticket = 0
            after = process._replace(link=link, former=former, ticket=ticket)
            self.put(process, None if after.state != "up" and not former else after)
        if is_current:
            clients = tuple(
                "cut" if isinstance(client, float) else client for client in self.around.clients
            )
            self.around = self.around._replace(clients=clients)

    def finish_line(self, life: Life) -> Life:
        """A broker that ends in good order writes what is in line."""
        for order in life.line:
            disk, result = self.parts.does(self.around.disk, life.opened, order, None)
            self.written(life, disk, result)
        return life._replace(line=())

    def written(self, life: Life, disk: Any, result: object) -> None:
        """The disk has done a job."""
        if isinstance(result, Durable):
            new = Ran(life.book, result.generation)
            ran = frozenset(process.name for process in self.processes if process.ran == new)
            self.books = self.books.durable(life.book, result.decision, self.enabled, ran)
        self.around = self.around._replace(disk=disk)

    # Names that are free again

    def _tidy(self) -> None:
        self.processes = [
            process
            for process in self.processes
            if process.state == "up" or process.ticket or process.former
        ]
        life = self.life
        if life is None:
            return
        facts = self.parts.facts(life.machine)
        forgotten = [case for case in self.books.cases if case.txid not in facts.texts]
        if forgotten:
            self._forget(forgotten)
        txids = facts.txids
        if facts.highest < txids:
            epoch = life.opened.epoch
            some = (highest_txid(self.texts(one), epoch) for one in self.processes)
            txids = max(facts.highest, *some, 0)
        mine = [one for one in self.processes if one.life == life.number and one.ticket]
        tickets = tuple(dict.fromkeys((*facts.tickets, *(one.ticket for one in mine))))
        count = len(tickets)
        if txids == facts.txids and count == facts.counted and tickets == _COUNTED[count]:
            return
        machine = self.parts.recounted(life.machine, txids, tickets)
        self.life = life._replace(machine=machine)
        for one in mine:
            self.put(one, one._replace(ticket=tickets.index(one.ticket) + 1))

    def _forget(self, forgotten: list[Case]) -> None:
        """Transactions that the broker knows no more, unless somebody else does."""
        texts = [self.texts(process) for process in self.processes]
        if self.former is not None:
            texts.append(self.parts.facts(self.former.machine).texts)
        gone = [case for case in forgotten if not any(case.txid in some for some in texts)]
        if gone:
            cases = tuple(case for case in self.books.cases if case not in gone)
            self.books = self.books._replace(cases=cases)

    def texts(self, process: Process) -> frozenset[str]:
        """All names in a process and on its connections."""
        number = self.tables.processes.number(process)
        found = self.tables.texts.get(number)
        if found is None:
            some = set(self.parts.words(process.machine))
            for link in (process.link, *process.former):
                if link is not None:
                    _words_of_link(link, some)
            for _, message in process.past:
                some.update(text for text in message if isinstance(text, str))
            found = self.tables.texts[number] = frozenset(some)
        return found


_COUNTED = [tuple(range(1, count + 1)) for count in range(64)]


def _words_of_link(link: Link, some: set[str]) -> None:
    for message in (*link.up, *link.down):
        some.update(text for text in message if isinstance(text, str))


def strike_name(life: Life, name: str) -> Life:
    """By what was said, `name` is no member any more."""
    return life._replace(roll=tuple(entry for entry in life.roll if entry[0] != name))


def _strike_peer(life: Life, peer: bytes) -> Life:
    return life._replace(roll=tuple(entry for entry in life.roll if entry[1] != peer))


def _short(thing: Any) -> str:
    said = [type(thing).__name__]
    for field in ("txid", "generation", "dry_run"):
        value = getattr(thing, field, None)
        if value:
            said.append(field if value is True else f"{field} {value}".replace("txid ", ""))
    return " ".join(said)
