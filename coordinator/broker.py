# SPDX-License-Identifier: LGPL-3.0-or-later
"""The broker: one loop that owns the sockets, the timers and the processes, and drives the machine.

It decides nothing.  Events go into the machine in the order in which they arrive, effects come out
and are carried out in the order in which they stand.  Whatever may be slow (the ledger's disk, the
configuration files, finding the line of a key) happens in a thread beside the loop, so that a
reader is always answered at once.
"""

import heapq
import os
import selectors
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from coordinator.api.dispatch import Dispatcher
from coordinator.api.server import ApiServer, Connection
from coordinator.core.decisions import Unconfirmed
from coordinator.core.events import Begin, Died, Event, HungUp, Received, Spawned, Stop, TimePassed
from coordinator.core.machine import Coordinator
from coordinator.core.requests import Spec, Who
from coordinator.executor import Executor, Hook
from coordinator.files.parsing import merge
from coordinator.files.reading import Unreadable, read_sources
from coordinator.ledger.errors import LedgerError
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.processes.children import Children, Process
from coordinator.runtime.log import Log
from coordinator.transport.zmq_router import ZmqRouter
from protocol import limits
from protocol.codec import Malformed
from protocol.reasons import Reason

_BATCH = 256  # messages of participants between two looks at everything else


@dataclass(frozen=True, slots=True)
class Options:
    """How a broker is to be run.  Directories exist; `config` is None where there are no files."""

    rundir: str
    statedir: str
    config: str | None = None
    modules: tuple[tuple[str, Spec], ...] = ()
    program: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)
    fallback: bool = False
    history: int = limits.HISTORY
    module_command: tuple[str, ...] = ()


class CannotStart(Exception):
    """The broker cannot start; `reasons` say why."""

    def __init__(self, *reasons: Reason) -> None:
        super().__init__("; ".join(str(reason) for reason in reasons))
        self.reasons = reasons


class Broker:
    """One life of a broker, from its construction to the return of `run`."""

    def __init__(
        self,
        options: Options,
        log: Log,
        resolve: Callable[[str], str],
        hook: Hook | None = None,
    ) -> None:
        """Opens the ledger and the sockets.  `resolve` finds a module by what a user typed.

        Raises CannotStart where the ledger, the directories or the sockets are unusable.
        """
        self.options = options
        self.log = log
        self.resolve = resolve
        self.status = 0
        self.reasons: tuple[Reason, ...] = ()
        self.refused_start: tuple[Reason, ...] = ()
        self._events: deque[Event] = deque()
        self._draining = False
        self._timers: list[float] = []
        self._running = True
        self._program: Process | None = None
        self._door: ApiServer | None = None
        self._selector = selectors.DefaultSelector()
        try:
            self._ledger = SqliteLedger.open(options.statedir, history=options.history)
        except LedgerError as error:
            raise CannotStart(Reason("ledger", str(error))) from error
        try:
            _remove_stale(os.path.join(options.rundir, "modules"))
            self._sockets = ZmqRouter(os.path.join(options.rundir, "modules"))
        except OSError as error:
            self._ledger.close()
            raise CannotStart(Reason("broker", str(error))) from error
        self._children = Children(self._sockets.uri, options.module_command)
        self._executor = Executor(self, self._ledger, self._sockets, self._children, log,
                                  options.config, hook)  # fmt: skip
        self.machine = Coordinator(
            self._ledger.epoch,
            self._ledger.last(),
            self._ledger.receipts(),
            self._unconfirmed(),
            ledger=self._ledger.identity,
            life=self._ledger.life,
        )
        self.attributes = self._known_attributes()
        self._reception = Dispatcher(self, self._executor)

    def _unconfirmed(self) -> Unconfirmed | None:
        """What a former life left unconfirmed; its wall clock becomes the machine's here."""
        found = self._ledger.unconfirmed()
        if found is None:
            return None
        generation, before, seconds = found
        return Unconfirmed(generation, before, time.monotonic() + seconds)

    def _known_attributes(self) -> dict[str, str]:
        rundir = self.options.rundir
        return {
            "rank": "0",
            "size": "1",
            "rundir": rundir,
            "statedir": self.options.statedir,
            "local-uri": f"local://{rundir}/local",
            "modules-uri": self._sockets.uri,
            "broker.pid": str(os.getpid()),
            "broker.starttime": f"{time.time():.2f}",
            "config.path": self.options.config or "",
            **self.options.attributes,
        }

    # Life

    def run(self) -> int:
        """Serve until told to stop; the exit status."""
        wakeup = self._catch_signals()
        self._selector.register(self._sockets.fd, selectors.EVENT_READ, _nothing)
        self._selector.register(self._children.fork_server.fd, selectors.EVENT_READ, _nothing)
        for worker in self._executor.workers:
            self._selector.register(
                worker.fd, selectors.EVENT_READ, lambda _, worker=worker: worker.collect()
            )
        try:
            self._begin()
            while self._running:
                self._turn()
        finally:
            self._close(wakeup)
        return self.status

    def _begin(self) -> None:
        files = None
        unreadable: tuple[Reason, ...] = ()
        fallback = self.options.fallback and self.machine.running is not None
        if self.options.config is not None:
            try:
                sources = read_sources(self.options.config)
                files = merge(sources)
                self._executor.starting_with(files, sources)
            except Unreadable as error:
                if not fallback:
                    self.end(1, error.reasons)
                    return
                unreadable = error.reasons
        self._executor.name_running(self.machine.running)
        self.feed(
            Begin(
                self.options.modules,
                files,
                self._ledger.attached(),
                fallback,
                limits.START_SECONDS,
                unreadable,
                Who(os.geteuid(), os.getpid(), "flux broker"),
            )
        )

    def _turn(self) -> None:
        """Wait for something, and deal with all of it."""
        self._started()
        self._hear()
        now = time.monotonic()
        if self._timers and self._timers[0] <= now:
            while self._timers and self._timers[0] <= now:
                heapq.heappop(self._timers)
            if self._door is not None:
                self._door.time_passed()
            self.feed(TimePassed())
        if not self._running:
            return
        timeout = self._timers[0] - now if self._timers else None
        if self._sockets.pending:
            timeout = 0.0
        for key, events in self._selector.select(timeout):
            key.data(events)

    def _hear(self) -> None:
        for peer, message in self._sockets.receive(_BATCH):
            if isinstance(message, Malformed):
                member = self.machine.members.at(peer)
                self.log.warn("malformed", module=member.name if member else "?", why=message.why)
            else:
                self.feed(Received(peer, message))

    # What the executor and the reception ask for

    def feed(self, event: Event) -> None:
        """Take the machine through this event, and through those that come of it."""
        self._events.append(event)
        if self._draining:
            return
        self._draining = True
        try:
            while self._events and self._running:
                step = self.machine.step(time.monotonic(), self._events.popleft())
                self._executor.carry_out(step)
                self._reception.look_out()
        finally:
            self._draining = False

    def wake_at(self, moment: float) -> None:
        """Feed Woke at this moment of the monotonic clock."""
        heapq.heappush(self._timers, moment)

    def watch(self, descriptor: int) -> None:
        """Look after this pidfd."""
        self._selector.register(descriptor, selectors.EVENT_READ, lambda _: self._ended(descriptor))

    def answer(self, client: int, answer: dict[str, Any]) -> None:
        """Bring the client its answer."""
        self._reception.answer(client, answer)

    def ready(self, refused: tuple[Reason, ...]) -> None:
        """The start is complete: open the door, and run the program if there is one."""
        self.refused_start = self._executor.located_at_start(refused)
        for reason in self.refused_start:
            self.log.warn("fallback: the files were refused", reason=str(reason))
        path = os.path.join(self.options.rundir, "local")
        _remove_stale(path)
        self._door = ApiServer(path, self._selector, self._reception.asked, self._gone,
                          self.wake_at)  # fmt: skip
        self._reception.open(self._door)
        if self.options.program:
            environment = {**os.environ, "FLUX_URI": self.attributes["local-uri"]}
            try:
                self._program = self._children.run(list(self.options.program), environment)
                self.watch(self._program.pidfd)
            except OSError as error:
                program = self.options.program[0]
                self.status = 127 if isinstance(error, FileNotFoundError) else 126
                self.reasons = (Reason("start", f"{program}: {error.strerror}"),)
                self.feed(Stop())

    def end(self, status: int, reasons: tuple[Reason, ...]) -> None:
        """Leave the loop after this."""
        self._running = False
        self.status = status or self.status
        self.reasons = reasons or self.reasons

    # Things that happen

    def _ended(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)
        watched = self._children.by_fd[descriptor]
        how = self._children.reap(watched)
        if watched is self._program:
            self.status = watched.status if watched.status >= 0 else 128 - watched.status
            self._program = None
            self.feed(Stop())
        else:
            self.feed(Died(watched.name, watched.pid, how))
        self._reap()  # an orphan may have been hidden behind this one

    def _reap(self) -> None:
        """Reap orphans; a module that died before we knew its pid is none."""
        self._started()
        self._children.reap_orphans()

    def _gone(self, client: Connection) -> None:
        if client.busy:
            self.feed(HungUp(client.number))

    def _catch_signals(self) -> socket.socket:
        """Signals become events in the loop (signal.set_wakeup_fd)."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.fileno())
        self._signal_writer = writer
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self._selector.register(reader, selectors.EVENT_READ, lambda _: self._signalled(reader))
        return reader

    def _signalled(self, reader: socket.socket) -> None:
        for number in set(reader.recv(4096)):
            if number == signal.SIGINT and self._program is not None:
                continue  # the terminal sent it to the program too, and that decides
            if number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                if self._program is not None:
                    signal.pidfd_send_signal(self._program.pidfd, signal.Signals(number))
                self.feed(Stop())
            if number == signal.SIGCHLD:
                for name in self._children.fork_server.died():
                    self.feed(Died(name, 0, "could not be started: its template died"))
                self._reap()

    def _started(self) -> None:
        """Modules that the template has brought up; before any of them is listened to."""
        for found in self._children.collect():
            if isinstance(found, str):
                self.feed(Died(found, 0, "ended at once"))
            else:
                self.watch(found.pidfd)
                self.feed(Spawned(found.name, found.pid))

    def _close(self, wakeup: socket.socket) -> None:
        self._running = False
        signal.set_wakeup_fd(-1)
        if self._door is not None:
            self._door.close()
        self._children.kill_all()
        self._sockets.close()
        self._executor.close()
        self._ledger.close()
        self._selector.close()
        wakeup.close()
        self._signal_writer.close()
        _remove_stale(os.path.join(self.options.rundir, "modules"))


def _nothing(_: int) -> None:
    """What is looked at in every turn anyway; its descriptor only wakes the loop."""


def _remove_stale(path: str) -> None:
    """Remove the socket of a broker that is gone; the ledger's lock says that it is."""
    if os.path.exists(path):
        os.unlink(path)
