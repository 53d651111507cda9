# SPDX-License-Identifier: LGPL-3.0-or-later
"""A process with one participant in it: the production machine, and a simulated module.

It does with events and effects what `participant.runtime.serve` does.  A `concurrent` one goes on
hearing messages while its module is still looking at a candidate (as a broker that follows
another will); the others are one thread, like today's modules.
"""

from collections import deque
from typing import TYPE_CHECKING

from participant.core import effects
from participant.core.effects import Tell
from participant.core.events import Connected, Cut, Finished, Heard, Judged, Shown
from participant.core.events import Event as ParticipantEvent
from participant.core.machine import Participant
from protocol.codec import Malformed, decode_from_coordinator, encode
from protocol.messages import Admit, Applied, Commit, FromCoordinator, Leave, Prepare
from protocol.reasons import Reason
from tests.simulation.books import Book
from tests.simulation.simulated_module import SimulatedModule

if TYPE_CHECKING:
    from tests.simulation.network import Connection
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.world import World

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0  # as participant.runtime.attachment


Life = dict[tuple[Book, int], str]
"""Digests of what one incarnation has taken into use, by book and generation."""


class Crashed(Exception):
    """The process ends here, between two effects."""


class SimulatedProcess:
    """One life of one process."""

    def __init__(
        self,
        world: "World",
        name: str,
        pid: int,
        parent: "SimulatedBroker | None",
        concurrent: bool,
    ) -> None:
        self.world = world
        self.name = name
        self.pid = pid
        self.parent = parent
        self.concurrent = concurrent
        self.alive = True
        self.paused = False
        self.detached = False
        """Attached no longer; the service around the module goes on."""
        self.busy = False
        self._work_number = 0
        """Of the work under way: what ended before it was done is not heard."""
        self.trip: int | None = None
        """Effects until it dies."""
        self.renew = False
        """Whether it will attach again as soon as it has said that it has applied something."""
        self.module = SimulatedModule(world, name)
        self.connection: Connection | None = None
        self.watchers: dict[tuple[int, str, bool], tuple[SimulatedBroker, int]] = {}
        """Who is told when it ends, and with which ticket; by epoch, name, and whether as a child:
        one whose report was late may have joined as somebody from outside, too."""
        self.applied: Life = {}
        """What this incarnation has taken into use."""
        self.speaker: Book | None = None
        """Whose words it is hearing."""
        self.is_from_the_past = False
        """Whether they came on no connection of the present."""
        self._said_by: dict[Commit | Admit | Prepare, Book] = {}
        self._pause = _FIRST_PAUSE
        self._inbox: deque[tuple[Connection | Book | None, bytes | ParticipantEvent]] = deque()
        self.be_born()

    def be_born(self) -> None:
        """A new incarnation of the participant."""
        self.applied = {}
        self._said_by = {}
        incarnation = self.world.next_incarnation(self.name, self.applied)
        self.machine = Participant(self.name, incarnation, self.pid)

    def __str__(self) -> str:
        return f"{self.name}[{self.pid}]"

    @property
    def wants_connection(self) -> bool:
        """Whether it is there and has none."""
        return self.alive and not self.detached and self.connection is None

    # The link

    def connected(self, connection: "Connection") -> None:
        """The link is up."""
        self.connection = connection
        self._put(connection, Connected())

    def hear(self, connection: "Connection", frame: bytes) -> None:
        """A frame has arrived."""
        if connection is self.connection:
            self._put(connection, frame)
        else:
            connection.under_way -= 1

    def hear_from_the_past(self, book: Book, frame: bytes) -> None:
        """A frame of a former coordinator, long under way, finds its way here after all."""
        self._put(book, frame)

    def book_of(self, message: Commit | Admit | Prepare) -> Book:
        """Whose word this is that it has heard; an empty one for what nobody has said."""
        return self._said_by.get(message, Book(0))

    def cut(self, connection: "Connection") -> None:
        """The link is down."""
        if connection is self.connection and self.alive:
            self._put(connection, Cut())

    def drop(self, tell_machine: bool = True) -> None:
        """Give the connection up and begin anew."""
        if self.connection is not None:
            self.connection.open_below = False
            self.connection.sever()
            self.connection = None
        if tell_machine:
            self._feed(Cut())
        self.world.network.connect(self)

    # The loop

    def _put(self, source: "Connection | Book | None", happened: bytes | ParticipantEvent) -> None:
        self._inbox.append((source, happened))
        self.pump()

    def pump(self) -> None:
        """Deal with what has arrived, where the process is in a state to."""
        while self._inbox and self.alive and not self.paused:
            if self.busy and not self.concurrent and not self._is_end_of_work():
                return
            self._handle(*self._inbox.popleft())

    def _is_end_of_work(self) -> bool:
        """Whether the author's code is what comes next; brings it to the front."""
        for index, (_, happened) in enumerate(self._inbox):
            if isinstance(happened, Judged | Finished):
                self._inbox.rotate(-index)
                entry = self._inbox.popleft()
                self._inbox.rotate(index)
                self._inbox.appendleft(entry)
                return True
        return False

    def _handle(
        self, source: "Connection | Book | None", happened: bytes | ParticipantEvent
    ) -> None:
        if isinstance(happened, bytes):
            if isinstance(source, Book):
                self.speaker, self.is_from_the_past = source, True
            else:
                assert source is not None
                source.under_way -= 1
                if source is not self.connection:
                    return
                self.speaker, self.is_from_the_past = source.broker.book, False
            self._hear(self.speaker, decode_from_coordinator(happened))
        elif isinstance(happened, Cut):
            if source is self.connection:
                self.connection = None
                self._feed(happened)
                self.world.network.connect(self)
        elif isinstance(happened, Judged | Finished):
            self._end_work(happened)
        else:
            self._feed(happened)

    def _hear(self, speaker: Book, message: FromCoordinator | Malformed) -> None:
        assert not isinstance(message, Malformed), message.why
        if isinstance(message, Commit | Admit | Prepare):
            self._said_by[message] = speaker
        self._feed(Heard(message))

    def _end_work(self, happened: Judged | Finished) -> None:
        self.busy = False
        if isinstance(happened, Judged) and not self.module.has_judged(happened):
            return
        self._feed(happened)

    def _feed(self, event: ParticipantEvent) -> None:
        events: deque[ParticipantEvent] = deque((event,))
        try:
            while events:
                self._step(events.popleft(), events)
        except Crashed:
            self.die("killed by SIGKILL")

    def _step(self, event: ParticipantEvent, events: "deque[ParticipantEvent]") -> None:
        world, machine = self.world, self.machine
        admit = event.message if isinstance(event, Heard) else machine.later
        effects = machine.step(event)
        if isinstance(event, Heard):
            world.tell("{} hears {}; it is {}", self, event.message, machine.state)
            for told in world.hooks.told:
                told(self, event.message, effects)
        if isinstance(admit, Admit) and _says_applied(effects, admit):
            # a new number for the same
            self.applied[self.book_of(admit), admit.generation] = self.module.running
        for effect in effects:
            self._do(effect, events)
        for stepped in world.hooks.host_stepped:
            stepped(self)

    def _do(self, effect: effects.Effect, events: "deque[ParticipantEvent]") -> None:
        if self.trip is not None:
            self.trip -= 1
            if self.trip < 0:
                raise Crashed
        match effect:
            case effects.Tell(message):
                for spoke in self.world.hooks.spoke:
                    spoke(self, message)
                if self.connection is not None:
                    self.connection.up(encode(message))
                if self.renew and isinstance(message, Applied):
                    self.world.scheduler.after(0.0, self.attach_again)
            case effects.Validate(candidate, arguments):
                for judges in self.world.hooks.judges:
                    judges(self)
                verdict = self.module.judge(candidate, arguments)
                self._work(events, verdict, self.module.take_time())
            case effects.Cancel():
                self._cancel()
            case effects.Apply(authority):
                self._apply(authority, events)
            case effects.Release():
                self.module.release()
            case effects.Show(ticket):
                events.append(Shown(ticket, "{}"))
            case effects.Quit(why, wanted):
                self._quit(why, wanted)

    def _apply(self, authority: Commit | Admit, events: "deque[ParticipantEvent]") -> None:
        digest = self.module.apply()
        for applied in self.world.hooks.applied:
            applied(self, authority, digest)
        self.applied[self.book_of(authority), authority.generation] = digest
        if self.module.dies():
            raise Crashed
        why = (Reason(self.name, "commit raised"),) if self.module.breaks() else ()
        self.world.tell("{} applies generation {}{}", self, authority.generation,
                        " and breaks" if why else "")  # fmt: skip
        self._work(events, Finished(why), self.module.take_time())

    def _work(
        self, events: "deque[ParticipantEvent]", end: Judged | Finished, seconds: float
    ) -> None:
        self.busy = True
        self._work_number += 1
        if seconds:
            self.world.scheduler.after(seconds, self._worked, self.module, self._work_number, end)
        else:
            self.busy = False
            if not isinstance(end, Judged) or self.module.has_judged(end):
                events.append(end)

    def _worked(self, module: SimulatedModule, number: int, end: Judged | Finished) -> None:
        if module is self.module and number == self._work_number:
            self._put(None, end)

    def _cancel(self) -> None:
        """What it is looking at is of no use any more: one that hears this stops looking."""
        if self.concurrent and self.busy:
            self._work_number += 1
            stopped = Judged((Reason(self.name, "was stopped"),))
            pause = self.module.take_time()
            self.world.scheduler.after(pause, self._worked, self.module, self._work_number, stopped)

    # Ends

    def _quit(self, why: str, wanted: bool) -> None:
        if self.parent is not None:
            self.world.scheduler.after(
                0.0, self.die, "exited with status " + ("0" if wanted else "1")
            )
        elif wanted:
            self.detached = True
            if self.connection is not None:
                self.connection.finish_below()
                self.connection = None
        else:
            self.world.scheduler.after(0.0, self._start_over)

    def _start_over(self) -> None:
        if not self.alive or self.detached:
            return
        if self.connection is not None:
            self.connection.open_below = False
            self.connection.sever()
            self.connection = None
        self._inbox.clear()
        self._feed(Cut())
        self.world.scheduler.after(self._pause, self.world.network.connect, self)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def cannot_load(self) -> None:
        """The module in it cannot even be made: it says so, and ends."""
        broker = self.world.broker
        if not self.alive or broker is None or not broker.listening:
            self.die("exited with status 1")
            return
        why = (Reason(self.name, "no such file"),)
        self.detached = True
        connection = self.world.network.open(self, broker)
        connection.up(encode(Leave(0, self.machine.incarnation, self.name, why)))
        connection.finish_below()
        self.world.scheduler.after(self.module.take_time(), self._exit)

    def _exit(self) -> None:
        if self.paused:
            self.world.scheduler.after(0.5, self._exit)
        else:
            self.die("exited with status 1")

    def leave(self) -> None:
        """The service closes its attachment, and says so."""
        if self.connection is not None:
            goodbye = Leave(self.machine.epoch, self.machine.incarnation, self.name)
            self.connection.up(encode(goodbye))
            self.connection.finish_below()
            self.connection = None
        self.detached = True

    def attach_again(self) -> None:
        """The service drops its attachment and makes a new one: same process, new incarnation."""
        self.renew = False
        if not self.alive:
            return
        if self.connection is not None:
            self.connection.finish_below()
            self.connection = None
        self._inbox.clear()
        self.busy = False
        self.detached = False
        self.module = SimulatedModule(self.world, self.name)
        self.be_born()
        self.world.network.connect(self, at_once=True)

    def die(self, how: str) -> None:
        """The process ends at once."""
        if not self.alive:
            return
        self.alive = False
        self.world.tell("{} is gone: {}", self, how)
        if self.connection is not None:
            self.connection.sever()
            self.connection = None
        self.world.buried(self, how)

    def resume(self) -> None:
        """SIGCONT."""
        self.paused = False
        self.pump()


def _says_applied(done: tuple[effects.Effect, ...], admit: Admit) -> bool:
    told = [effect.message for effect in done if isinstance(effect, Tell)]
    return any(
        isinstance(one, Applied) and one.ok and one[2:4] == (admit.generation, admit.digest)
        for one in told
    )
