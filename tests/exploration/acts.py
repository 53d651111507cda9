# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is done to a state: to lives of brokers, the disk, clients, connections."""

from collections.abc import Callable

from coordinator.core.decisions import Decision
from coordinator.core.effects import RecordKept
from coordinator.core.events import Asked, Begin, Died, Event, HungUp, Received
from coordinator.core.events import TimePassed as Passed
from coordinator.core.requests import ChangeRequest
from coordinator.core.requests import Spec as LoadSpec
from participant.core.events import Connected, Cut
from protocol import limits
from protocol.messages import Applied, Join, Leave, Vote
from tests.exploration.books import Book, Broken, Enabled
from tests.exploration.disk import EMPTY, Disk, later
from tests.exploration.draft import DUE_SLACK, Draft, Tables, strike_name
from tests.exploration.member import Choice
from tests.exploration.participants import Participants
from tests.exploration.parts import Parts
from tests.exploration.spec import Spec
from tests.exploration.state import Life, Link, Process
from tests.simulation.ledger import Mishap

_YES = Choice()
Act = Callable[[Draft], None]


class Acts:
    """All that is done to states of one world."""

    def __init__(self, spec: Spec, enabled: Enabled) -> None:
        self.spec = spec
        self.enabled = enabled
        self.parts = Parts(spec)
        self.tables = Tables()
        self.people = Participants(spec, self.parts, enabled, self._die, self._cut_below)
        self.backup: Disk = EMPTY
        self.backup_book = Book()

    # A life

    def _start(self, draft: Draft) -> None:
        number = draft.around.lives + 1
        book = len(draft.books.books)
        disk, opened, machine, attached = self.parts.opens(
            draft.around.disk, f"L{book}", f"l{number}"
        )
        draft.books = draft.books.opened(
            book, self.parts.coordinators[machine].running, disk.now, opened, self.enabled
        )
        draft.around = draft.around._replace(disk=disk, lives=number)
        moments = self.parts.facts(machine).moments
        life = Life(machine, number, book, opened, wakes=tuple(sorted(moments)),
                    acknowledged=len(disk.now.decisions))  # fmt: skip
        draft.life = life
        modules = tuple((name, LoadSpec(name)) for name in self.spec.children)
        fallback = self.spec.fallback and bool(disk.now.decisions)
        begin = Begin(modules, self.spec.files, attached, fallback, limits.START_SECONDS)
        self._feed(draft, life, begin)

    def _feed(self, draft: Draft, life: Life, event: Event) -> None:
        turned = self.parts.turn(life.machine, life.opened, life.taken, event, draft.closed(life))
        draft.carry_out(life, turned)

    def _event(self, life: Life, event: Event) -> Act:
        return lambda draft: self._feed(draft, life, event)

    def _event_of(
        self, life: Life, process: Process, event: Event, **changes: int | bool | str
    ) -> Act:
        def act(draft: Draft) -> None:
            now = life
            draft.put(process, process._replace(**changes))  # type: ignore[arg-type]
            if isinstance(event, Died):
                now = strike_name(life, process.name)
            self._feed(draft, now, event)

        return act

    def _disk(self, life: Life, mishap: Mishap | None) -> Act:
        def act(draft: Draft) -> None:
            order = life.line[0]
            disk, result = self.parts.does(draft.around.disk, life.opened, order, mishap)
            draft.written(life, disk, result)
            draft.set_life(life, life._replace(line=life.line[1:], news=((order, result),)))
            draft.tell("on disk" if not isinstance(result, Exception) else str(result))

        return act

    def _news(self, life: Life) -> Act:
        def act(draft: Draft) -> None:
            order, result = life.news[0]
            after = life._replace(news=())
            if isinstance(order, Decision) and not isinstance(result, Exception):
                kept = tuple(entry for entry in life.roll if entry[0] in order.members)
                after = after._replace(acknowledged=order.generation, roll=kept)
            turned = self.parts.told(
                life.machine, life.opened, life.taken, order, result, draft.closed(life)
            )
            draft.set_life(life, after)
            draft.carry_out(after, turned)

        return act

    def _read(self, life: Life, place: int) -> Act:
        def act(draft: Draft) -> None:
            _, order = life.reads[place]
            _, result = self.parts.does(draft.around.disk, life.opened, order, None)
            after = life._replace(reads=(*life.reads[:place], *life.reads[place + 1 :]))
            turned = self.parts.told(
                life.machine, life.opened, life.taken, order, result, draft.closed(life)
            )
            draft.carry_out(after, turned)

        return act

    def _ask(self, client: int, seconds: float) -> Act:
        def act(draft: Draft) -> None:
            life = draft.life
            assert life is not None
            request = self.spec.requests[client - 1][1]
            due = seconds + limits.COMMIT_SECONDS + limits.SHUTDOWN_SECONDS
            if self.spec.undo_failures and isinstance(request, ChangeRequest):
                due += limits.PREPARE_SECONDS + limits.COMMIT_SECONDS  # it may be undone, too
            self._client(draft, client, due)
            self._feed(draft, life, Asked(client, request))

        return act

    def _hang_up(self, client: int) -> Act:
        def act(draft: Draft) -> None:
            assert draft.life is not None
            self._client(draft, client, "cut")
            self._feed(draft, draft.life, HungUp(client))

        return act

    def _client(self, draft: Draft, client: int, state: float | str) -> None:
        clients = list(draft.around.clients)
        clients[client - 1] = state
        draft.around = draft.around._replace(clients=tuple(clients))

    def _pass(self, draft: Draft) -> None:
        """Time passes until the next moment that somebody waits for."""
        life = draft.life
        assert life is not None
        seconds = min(life.wakes)
        draft.tell(f"{seconds:g} s later")
        around = draft.around
        clients = tuple(
            round(left - seconds, 6) if isinstance(left, float) else left for left in around.clients
        )
        draft.books = draft.books.later(seconds)
        draft.around = around._replace(disk=later(around.disk, seconds), clients=clients)
        if draft.former is not None:
            draft.former = self._later(draft.former, seconds)
        draft.life = self._later(life, seconds)
        self._feed(draft, draft.life, Passed())
        for client, left in enumerate(draft.around.clients, 1):
            if isinstance(left, float) and left < -DUE_SLACK and "P8" in self.enabled:
                raise Broken("P8", f"client {client} is not answered in time")

    def _later(self, life: Life, seconds: float) -> Life:
        wakes = tuple(round(wake - seconds, 6) for wake in life.wakes)
        return life._replace(
            machine=self.parts.later(life.machine, seconds),
            wakes=tuple(wake for wake in wakes if wake > 0),
        )

    def _crash(self, life: Life, kept: int, how: str) -> Act:
        def act(draft: Draft) -> None:
            draft.end_life(life, crashed=True)
            disk = Disk((draft.around.disk.images[kept],))
            if how == "afresh":
                disk, book = EMPTY, Book()
            elif how == "restore":
                disk, book = self.backup, self.backup_book
            if how != "crash":
                draft.books = draft.books._replace(books=(*draft.books.books, book))
            draft.around = draft.around._replace(disk=disk)

        return act

    def _take_over(self, draft: Draft) -> None:
        """Another broker is started though this one is only slow; its clients have given it up."""
        draft.former, draft.life = draft.life, None
        clients = tuple("cut" if isinstance(one, float) else one for one in draft.around.clients)
        draft.around = draft.around._replace(clients=clients)
        self._start(draft)

    # Connections

    def _connect(self, draft: Draft, process: Process) -> None:
        life = draft.life
        assert life is not None
        used = self.parts.facts(life.machine).texts
        links = {link.peer.decode() for link in process.former}
        peer = next(
            name
            for name in (f"{process.name}:{number}" for number in range(1, 99))
            if name not in used and name not in links
        )
        link = Link(peer.encode(), life.number, life.book)
        incarnation = self.parts.participants[process.machine].incarnation
        known = used | draft.texts(process)
        joins = next(count for count in range(99) if f"{incarnation}.{count + 1}" not in known)
        machine = self.parts.joining(process.machine, joins)
        linked = process._replace(link=link, retries=False, machine=machine)
        draft.put(process, linked)
        self.people.happens(draft, linked, Connected(), _YES)

    def _hear_above(self, process: Process, link: Link) -> Act:
        def act(draft: Draft) -> None:
            life, name = draft.life_of(link.life), process.name
            message, rest = link.up[0], link._replace(up=link.up[1:])
            draft.put(process, _with_link(process, link, rest))
            assert life is not None
            known = any(entry[:2] == (name, link.peer) for entry in life.roll)
            if isinstance(message, Vote) and not message.yes and known:
                draft.books = draft.books.hears_no(life.book, message.txid, name)
            if isinstance(message, Applied) and not message.ok and process.link is link:
                self._unable(draft, life, name, message.generation)
            life = self._enrolled(life, process, link, message)
            self._feed(draft, life, Received(link.peer, message))

        return act

    def _unable(self, draft: Draft, life: Life, name: str, generation: int) -> None:
        """What `name` cannot apply is to be undone, if that is not known to stay already."""
        stays = any(isinstance(order, RecordKept) for order in life.line)
        if (generation,) in draft.around.disk.now.provisional and not stays:
            draft.books = draft.books.hears_unable(life.book, generation, name)

    def _enrolled(self, life: Life, process: Process, link: Link, message: object) -> Life:
        """The members by what is said: whoever has applied what the broker knows to be on disk."""
        name = process.name
        if isinstance(message, Applied):
            current = process.link is link
            given_up = process.doomed  # the broker waits for its death, and for no word of it
            known = message.generation == life.acknowledged and current and not given_up
            if message.ok and known:
                without = strike_name(life, name)
                entry = (name, link.peer, message.generation)
                return without._replace(roll=tuple(sorted((*without.roll, entry))))
            return life if message.ok else strike_name(life, name)
        return strike_name(life, name) if isinstance(message, Join | Leave) else life

    def _notice_above(self, process: Process, link: Link) -> Act:
        def act(draft: Draft) -> None:
            after = link._replace(above=False, up=())
            changed = _with_link(process, link, None if process.link is not link else after)
            draft.put(process, changed)

        return act

    def _cut_below(self, draft: Draft, process: Process) -> None:
        link = process.link
        assert link is not None
        ended = link._replace(below=False, severed=True, down=())
        former = (*process.former, ended) if ended.above else process.former
        past = process.past
        if self.spec.budget.stale:
            kinds = self.spec.past or (tuple,)
            late = (message for message in link.down if isinstance(message, kinds))
            past = (*past, *((link.book, message) for message in late))[-3:]
        cut = process._replace(link=None, former=former, past=past)
        draft.put(process, cut)
        self.people.happens(draft, cut, Cut(), _YES)

    def _die(self, draft: Draft, process: Process) -> None:
        former = process.former
        if process.link is not None and process.link.above:
            ended = process.link._replace(below=False, severed=True, down=())
            former = (*former, ended)
        state = "dead" if process.ticket else "gone"
        dead = process._replace(
            state=state, doomed=False, link=None, former=former, hung=False, past=()
        )
        draft.put(process, dead)

    def _leave(self, draft: Draft, process: Process) -> None:
        link, machine = process.link, self.parts.participants[process.machine]
        assert link is not None
        goodbye = Leave(machine.epoch, machine.incarnation, process.name)
        up = (*link.up, goodbye) if not link.severed else link.up
        leaving = process._replace(link=link._replace(up=up), ticket=0)
        draft.put(process, leaving)
        self._die(draft, leaving)


def _with_link(process: Process, link: Link, after: Link | None) -> Process:
    if process.link is link:
        return process._replace(link=after)
    former = tuple(after if one is link else one for one in process.former)
    return process._replace(former=tuple(one for one in former if one is not None))
