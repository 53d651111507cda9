# SPDX-License-Identifier: LGPL-3.0-or-later
"""The broker: one life, from the start over signals and clients to an orderly end.

It decides nothing: the machine does, and the executor carries out what it decides.  It is composed
by `coordinator.compose`, and knows of everything outside of it only what an interface tells.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from coordinator.api.handle import BrokerHandle
from coordinator.api.secret_places import SecretPlaces
from coordinator.core.decisions import Attempt
from coordinator.core.events import Asked, Begin, Event, Stop
from coordinator.core.machine import Coordinator
from coordinator.core.requests import ChangeRequest, FromFiles, Who
from coordinator.core.results import Outcome, Result
from coordinator.environment import Environment, Hook
from coordinator.executor import Executor
from coordinator.files.provenance import ProvenanceStore
from coordinator.files.reading import Source, Unreadable
from coordinator.ledger.interface import History
from coordinator.observation.observer import Observer
from coordinator.observation.timeline_keeper import TimelineKeeper
from coordinator.processes.interface import Programs
from coordinator.runtime.log import Log
from coordinator.runtime.loop import READ, Loop
from coordinator.runtime.signals import Signals
from coordinator.runtime.worker import Worker
from coordinator.service.interface import NoManager, ServiceManager
from coordinator.service.state import BY_SIGNAL, ServiceView
from coordinator.startup_modules import Modules
from coordinator.transport.traced import TracedTransport
from protocol import limits
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason

FORGETS = (
    "no statedir was given: what is committed ends with this broker, and the next one in this run "
    "directory is another to the services that stay attached; keep both with -S statedir=DIR"
)

FEWER = (
    "they had a say in the last generation, and have none in the next; load them again, or have "
    "them started with the broker (modprobe.directory)"
)


@dataclass(frozen=True, slots=True)
class Options:
    """How a broker is to be run.  Directories exist; `config` is None where there are no files."""

    rundir: str
    statedir: str
    config: str | None = None
    modules: Modules = ()
    program: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    fallback: bool = False
    history: int = limits.HISTORY
    forgets: bool = False
    """The run directory stays, and `statedir` goes with this broker."""
    lasting: bool = False
    """It is a service: SIGHUP reloads, and whoever reads the log is told where the broker is."""
    cleaned: tuple[str, ...] = ()
    """Directories among these two that go with the broker."""
    conf: tuple[Source, ...] = ()
    """Texts to be merged on top of the files, at the start alone."""
    next_modules: Callable[[], Modules] | None = None
    """What a start now would bring up; may take time.  None: `modules`."""
    module_command: tuple[str, ...] = ()
    """What starts a module in place of the warm process; for tests."""
    wall_clock: Callable[[], float] = time.time
    """The ledger's clock, in seconds since the Epoch."""


class Closable(Protocol):
    """Something that lives as long as its broker."""

    def close(self) -> None:
        """Let go of what it has."""


class Front(Protocol):
    """Where clients are served; what they ask comes as events through `BrokerHandle.feed`."""

    def open(self, broker: BrokerHandle) -> None:
        """Let clients in.  Called once, when the start is complete.  Raises OSError."""

    def answer(self, client: int, answer: Outcome | dict[str, Any]) -> None:
        """Bring a client its answer; it may be gone, and the front may not be open."""

    def look_out(self) -> None:
        """The machine has made a step: something may have changed that clients watch."""

    def close(self) -> None:
        """Let everybody go."""


class Broker:
    """One life of a broker, from its construction to the return of `run`."""

    def __init__(
        self,
        options: Options,
        machine: Coordinator,
        world: Environment,
        loop: Loop,
        programs: Programs,
        front: Front,
        log: Log,
        attributes: dict[str, str],
        resolve: Callable[[str], str],
        trace: TracedTransport,
        hook: Hook | None = None,
        manager: ServiceManager | None = None,
    ) -> None:
        """`resolve` finds a module by what a user typed; `trace` is the transport of `world`.

        The parts are closed by `run`.
        """
        self.options = options
        self.machine = machine
        self.attributes = attributes
        self.log = log
        self.resolve = resolve
        self.trace = trace
        self.status = 0
        self.reasons: tuple[Reason, ...] = ()
        self.refused_start: tuple[Reason, ...] = ()
        self.forgets = options.forgets
        self.absent: tuple[str, ...] = ()
        self._voters = world.ledger.voters()
        self._manager: ServiceManager = NoManager() if manager is None else manager
        self._view = ServiceView(machine)
        self._is_ready = False
        self.beside: list[Closable] = []
        """What else is served beside the clients; closed with the broker."""
        self._world = world
        self._loop = loop
        self._programs = programs
        self._ended = False
        self._program_runs = False
        self._front = front
        self._executor = Executor(machine, world, self, hook)
        secrets = SecretPlaces(lambda: machine.members)
        world.observer.mask = lambda command: secrets.known().without_value(command)
        world.observer.resumed(machine.running)
        self._keeper = TimelineKeeper(world.ledger, world.workers.ledger, loop, log)
        world.observer.timelines.keep = self._keeper.keep

    # What those who serve clients ask for

    def next_modules(self) -> Modules:
        """What a start now would bring up; to be used in `history_worker` alone.

        Raises Unreadable.
        """
        told = self.options.next_modules
        return self.options.modules if told is None else told()

    @property
    def history(self) -> History:
        """The ledger's past; to be used in `history_worker` alone."""
        return self._world.history

    @property
    def observer(self) -> Observer:
        """Who sees what happens."""
        return self._world.observer

    @property
    def provenance(self) -> ProvenanceStore:
        """Where the keys of configurations were written."""
        return self._world.provenance

    @property
    def file_worker(self) -> Worker:
        """Reads and merges files."""
        return self._world.workers.files

    @property
    def history_worker(self) -> Worker:
        """Looks at the ledger's past, and at files for readers."""
        return self._world.workers.history

    def feed(self, event: Event) -> None:
        """Give the machine an event."""
        self._executor.feed(event)

    def record_attempt(self, attempt: Attempt) -> None:
        """Write a refused attempt into the history."""
        self._executor.record_attempt(attempt)

    def record_warnings(self, generation: int, warnings: tuple[Reason, ...]) -> None:
        """Write all that was said of a generation that was committed into the history."""

        def then(result: object) -> None:
            if isinstance(result, BaseException):
                self.log.warn("warnings not written", why=str(result))

        ledger = self._world.ledger
        self._world.workers.ledger.submit(
            lambda: ledger.record_warnings(generation, warnings), then
        )

    # Life

    def run(self) -> int:
        """Serve until told to stop; the exit status."""
        loop, transport = self._loop, self._world.transport
        signals = Signals(loop, self._signalled)
        for descriptor in transport.descriptors():
            loop.register(descriptor, READ, _nothing)  # `hear` is called in every turn
        loop.each_turn(self._executor.hear)
        self._manager.begin()
        try:
            if self._begin():
                loop.run()
        finally:
            self._close(signals)
        return self.status

    def _begin(self) -> bool:
        """Begin the start; returns False where that was the end of it."""
        if self.options.forgets:
            self.log.warn("the ledger is temporary", why=FORGETS, rundir=self.options.rundir)
        proposal = None
        unreadable: tuple[Reason, ...] = ()
        fallback = self.options.fallback and self.machine.running is not None
        if self._world.files is not None:
            try:
                proposal = self._world.files.read_at_once()
                if proposal is not None:
                    self._executor.starting_with(proposal)
            except Unreadable as error:
                if not fallback:
                    self.end(1, error.reasons)
                    return False
                unreadable = error.reasons
        self._executor.name_running(self.machine.running)
        self.feed(
            Begin(
                self.options.modules,
                proposal.configuration if proposal else None,
                self._world.ledger.attached(),
                fallback,
                limits.START_SECONDS,
                unreadable,
                Who(os.geteuid(), os.getpid(), "flux broker"),
            )
        )
        return not self._ended

    # What the executor asks for

    def answer(self, client: int, answer: Outcome | dict[str, Any]) -> None:
        """Bring the client its answer."""
        outcome = answer if isinstance(answer, Outcome) else None
        self._view.answered(client, outcome)
        self._front.answer(client, answer)  # also where nobody waits: what it finds is recorded
        if client == BY_SIGNAL and outcome is not None:
            self._log_reload(outcome)
        self._tell_manager()

    def stepped(self) -> None:
        """The machine has made a step."""
        self._front.look_out()
        self._tell_manager()

    def _tell_manager(self) -> None:
        if self._manager.listens:
            failure = "; ".join(map(str, self.reasons)) if self._ended else ""
            self._manager.say(self._view.state(self._is_ready, self.absent, failure))

    def ready(self, refused: tuple[Reason, ...], warnings: tuple[Reason, ...]) -> None:
        """The start is complete: let clients in, and run the program if there is one."""
        self.refused_start = refused
        for reason in refused:
            self.log.warn("fallback: the files were refused", reason=str(reason))
        for warning in warnings:
            self.log.warn("warning", reason=str(warning))
        self._front.open(self)
        self._is_ready = True
        if self.options.lasting:
            uri = self.attributes["local-uri"]
            self.log.notice("ready", FLUX_URI=uri, generation=self.machine.generation)
        if self.options.lasting or self.options.program:  # else ranks come when they come
            self._miss(set(self._voters) - set(self._world.ledger.attached()))
            self._loop.call_at(self._loop.now() + limits.REJOIN_SECONDS, self._miss_all)
        if self.options.program:
            self._run_program(list(self.options.program))

    def _miss_all(self) -> None:
        """Attached participants have had their time to join again."""
        self._miss(set(self._voters))

    def _miss(self, voters: set[str]) -> None:
        """Warn of those that had a say in the last generation, and are not here."""
        here = {member.name for member in self.machine.members}
        missed = tuple(sorted(voters - here))
        if missed and missed != self.absent:
            self.absent = missed
            self.log.warn("fewer voters than before", missed=list(missed), why=FEWER)
            self._tell_manager()

    def end(self, status: int, reasons: tuple[Reason, ...]) -> None:
        """Leave the loop after this."""
        self._ended = True
        self._loop.stop()
        self.status = status or self.status
        self.reasons = reasons or self.reasons
        self._tell_manager()

    # The program, and signals

    def _run_program(self, command: list[str]) -> None:
        environment = {**os.environ, "FLUX_URI": self.attributes["local-uri"]}
        try:
            self._programs.run(command, environment, self._program_ended)
            self._program_runs = True
        except OSError as error:
            self.status = 127 if isinstance(error, FileNotFoundError) else 126
            self.reasons = (
                Reason("start", f"{command[0]}: {error.strerror}", code=ReasonCode.NOT_FOUND),
            )
            self.feed(Stop())

    def _program_ended(self, status: int) -> None:
        self._program_runs = False
        self.status = status
        self.feed(Stop())

    def _signalled(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._programs.child_ended()
        elif number == signal.SIGHUP and self.options.lasting:
            self._reload()
        elif number != signal.SIGINT or not self._program_runs:
            # A terminal's SIGINT went to the program too, and the program decides
            self._programs.signal(number)
            self.feed(Stop())

    def _reload(self) -> None:
        """As `flux config reload`; what comes of it is told in the log."""
        if not self.options.config:
            self.log.warn("nothing to reload", why="the broker was started without a -c PATH")
            return
        if not self._view.signalled():
            return  # one waits for its turn, and reads the files only then
        who = Who(os.geteuid(), os.getpid(), "SIGHUP")
        self.feed(Asked(BY_SIGNAL, ChangeRequest(FromFiles(), "reload", who)))

    def _log_reload(self, outcome: Outcome) -> None:
        """What came of a reload that nobody waits for."""
        event = "reload refused" if outcome.result is Result.REFUSED else "reload"
        for reason in outcome.reasons:
            self.log.warn(event, reason=str(reason), generation=outcome.generation)
        self.log.line("reloaded", {"result": str(outcome.result), "by": "SIGHUP"})

    def _close(self, signals: Signals) -> None:
        signals.close()
        self.close()

    def close(self) -> None:
        """Let go of everything; for a broker that is never run, too."""
        self._manager.close()
        self._front.close()
        for server in self.beside:
            server.close()
        self._world.supervisor.close()
        self._world.transport.close()
        if all(reason.module != "ledger" for reason in self.reasons):
            self._keeper.write()  # on a disk that has failed, nothing is written any more
        self._executor.close()
        self._world.ledger.close()
        self._loop.close()


def _nothing(_: int) -> None:
    """The descriptor only wakes the loop."""
