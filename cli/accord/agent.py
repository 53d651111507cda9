# SPDX-License-Identifier: LGPL-3.0-or-later
"""The agent of one rank: a client of its broker, behind a front that holds the name `config`.

It is a client and no broker module, because a Python module that dies takes its broker with it.
"""

import errno
import gc
import os
import subprocess
from typing import TYPE_CHECKING, Any

from cli.accord.front import NO_REHEARSE, door_directory, front_command, socket_of
from cli.client import complain
from coordinator.cannot_start import CannotStart
from coordinator.fluxcore.passing_on import PassingOn, serve_passed_on
from coordinator.fluxcore.relay import RelayDoor, RelayedClients
from coordinator.fluxcore.service import Change, ConfigService
from coordinator.runtime.directories import RunDirectory, Unusable
from coordinator.runtime.log import Log
from coordinator.runtime.signals import Signals
from fluxcore.bindings import NoFlux
from fluxcore.framing import GROUP, HELLO, PING, SERVICE
from fluxcore.front.client import FrontLink, NoFront
from fluxcore.handle import Flux
from fluxcore.loop import FluxLoop
from fluxcore.routes import Routes
from participant.fluxcore.link import CoordinatorLink
from participant.fluxcore.memory import Remembered, RunningFile
from participant.fluxcore.modules import LocalModules
from participant.fluxcore.rank import Rank
from participant.fluxcore.site_checks import SiteChecks
from protocol import limits
from protocol.configuration import Configuration, Unfit
from protocol.reasons import Reason

if TYPE_CHECKING:  # only rank 0 needs the coordinator, which is 3 MB of a follower's agent
    from coordinator.environment import Hook
    from coordinator.fluxcore.agent import FluxBroker

_COMMAND = "accord agent"
_LEISURE_SECONDS = 1.0
_CLEANUP = "timeout 5 flux config get >/dev/null 2>&1 || flux module load config"
"""Run by Flux before it unloads modules, for which it needs a `config` service: there is one while
the agent lives, and Flux's own is loaded where it does not."""


def serve(rehearse: bool = True, hook: "Hook | None" = None) -> int:
    """Serve the rank that FLUX_URI leads to, behind its front; the exit status.

    `rehearse`: changes are rehearsed, if it is rank 0.  `hook` is called with each effect of the
    coordinator and of the rank; the chaos tests' way in.
    """
    try:
        flux = Flux()
        flux.add_service(SERVICE)
        return Agent(flux, rehearse, hook).run()
    except NoFlux as error:
        complain(_COMMAND, str(error))
        return 1
    except OSError as error:
        taken = error.errno == errno.EEXIST
        complain(_COMMAND, "this rank has an agent already" if taken
                 else f"no Flux instance: {error.strerror}")  # fmt: skip
        return 1
    except NoFront as error:
        complain(_COMMAND, str(error))
        return 1
    except CannotStart as error:
        for reason in error.reasons:
            complain(_COMMAND, str(reason))
        return 1


class Agent:
    """One life of one rank's agent."""

    def __init__(self, flux: Flux, rehearse: bool, hook: "Hook | None" = None) -> None:
        """Raises CannotStart where rank 0's ledger or directories are unusable, NoFront."""
        self._flux = flux
        self._hook, self._rehearses = hook, rehearse
        self._loop = FluxLoop(flux)
        self._log = Log("json")
        self._log.hold(self._soon)
        self._modules = LocalModules(flux)
        self._modules.survey()
        self._routes = Routes(flux)
        self._link = CoordinatorLink(flux, self._routes)
        self._is_admitted = False
        self._may_open = flux.rank != 0
        running = _what_runs(flux)
        memory = RunningFile(os.path.join(door_directory(flux), "running"))
        known = Remembered(running, certain=True) if running is not None else memory.read()
        self._rank = Rank(flux.rank, self._link, self._modules, self._loop, known, memory,
                          lambda text: self._log.warn("rank", why=text), hook,
                          checks=SiteChecks(self._loop) if flux.rank == 0 else None)  # fmt: skip
        self._rank.changed = self._changed
        self._broker: FluxBroker | None = None
        change = self._coordinate(running) if flux.rank == 0 else self._follow()
        self._front = FrontLink(door_directory(flux), self._loop, self._start_front)
        self._service = ConfigService(self._front, self._in_force, change)
        flux.serve(PING, lambda asked: asked.answer({"rank": flux.rank, "pid": os.getpid()}))

    def _in_force(self) -> tuple[Configuration, int]:
        return self._rank.in_force, self._rank.generation

    def _coordinate(self, running: Configuration | None) -> Change:
        from coordinator.fluxcore.compose import build_coordinator

        flux, directories = self._flux, _directories(self._flux)
        composed = build_coordinator(flux, self._routes, self._loop, directories, running,
                                     self._log, self._hook)  # fmt: skip
        self._broker = composed.broker
        composed.front.opened = self._started
        serve_passed_on(flux, composed.front.change)
        RelayedClients(flux, self._loop, f"{directories[0]}/local")
        if self._rehearses:
            self._rehearse()
        return composed.front.change

    def _rehearse(self) -> None:
        from coordinator.runtime.worker import ThreadWorker
        from fluxcore.bindings import find_flux
        from participant.fluxcore.kept_stage import KeptStage
        from participant.fluxcore.rehearsing import Rehearsals

        assert self._broker is not None
        worker = ThreadWorker("rehearsal", self._loop)
        kept = KeptStage(find_flux())
        self._rank.rehearsals = Rehearsals(kept, worker.submit, self._loop,
                                           self._broker.wants_rehearsal)  # fmt: skip

    def _follow(self) -> Change:
        passing_on = PassingOn(self._flux, self._loop)
        self._routes.watch(passing_on.served)
        self._link.renewed = passing_on.coordinator_is_new
        self._door = _door(self._flux, self._loop)
        return passing_on.change

    def _start_front(self) -> None:
        """Both front and standby are dead."""
        self._log.warn("the front is started anew", why="neither it nor its standby is left")
        options = [] if self._rehearses else [NO_REHEARSE]
        command = front_command(door_directory(self._flux), options, agent=os.getpid())
        subprocess.Popen(command,
                         stdin=subprocess.DEVNULL, start_new_session=True)  # fmt: skip

    # Life

    def _soon(self) -> None:
        """A line waits for the log: mostly until a change is over, and never for long."""
        self._loop.call_at(self._loop.now() + limits.LOG_HELD_SECONDS, self._log.flush)

    def run(self) -> int:
        """Serve until the broker ends, or somebody says so."""
        try:
            return self._run()
        finally:
            self._log.flush()

    def _run(self) -> int:
        self._front.connect()
        self._flux.call("groups.join", {"name": GROUP})
        self._routes.open()
        if self._broker is not None:
            status = self._broker.run()
            for reason in self._broker.reasons:
                complain(_COMMAND, str(reason))
        else:
            signals = Signals(self._loop, lambda _: self._loop.stop())
            self._loop.run()
            signals.close()
            self._door.close()
            status = 0
        self._front.close()
        return status

    def _started(self) -> None:
        """Rank 0: the coordinator serves.  Others may have known a former life of it."""
        self._may_open = True
        for rank in range(1, self._flux.size):
            self._flux.ask(HELLO, {}, _nothing, rank=rank, seconds=limits.RANK_JOIN_SECONDS)
        self._open()

    def _changed(self) -> None:
        """The rank has applied something, or is admitted to what it runs already."""
        if self._service.is_open:
            self._service.changed()
        else:
            self._is_admitted = True
            self._open()

    def _open(self) -> None:
        if not self._may_open or not self._is_admitted:
            return
        is_new = self._service.open()
        self._modules.tell_broker(self._rank.in_force)
        # Whoever waits for us comes first
        self._loop.call_at(self._loop.now() + _LEISURE_SECONDS, self._prepare)
        if is_new and self._flux.rank == 0:
            cleanup = {"name": "cleanup", "commands": [_CLEANUP]}
            self._flux.ask("runat.push", cleanup, _nothing)

    def _prepare(self) -> None:
        """The first change is not to wait for what only the first one needs."""
        self._modules.prepare_to_judge(self._rank.in_force)
        gc.collect()
        gc.freeze()  # what has been read in stays: no need to look at it again


def _what_runs(flux: Flux) -> Configuration | None:
    """What Flux's own `config` module says its rank runs; None where it is not loaded.

    Raises CannotStart.
    """
    modules = flux.call("module.list", rank=flux.rank)["mods"]
    if not any(module["name"] == "config" for module in modules):
        return None
    try:
        return Configuration.of(flux.call("config.get", rank=flux.rank))
    except Unfit as unfit:
        raise CannotStart(
            Reason("config", f"what Flux runs cannot be taken over: {unfit}")
        ) from None


def _directories(flux: Flux) -> tuple[str, str]:
    """Those of the clients' socket and of the ledger, which are made."""
    socket = socket_of(flux)
    parent = flux.attribute("statedir") or flux.attribute("rundir") or os.path.dirname(socket)
    ledger = os.path.join(parent, "accord")
    os.makedirs(ledger, mode=0o700, exist_ok=True)
    return door_directory(flux), ledger


def _door(flux: Flux, loop: FluxLoop) -> RelayDoor:
    """The clients' socket of a follower.  Raises CannotStart."""
    try:
        return RelayDoor(flux, loop, RunDirectory(door_directory(flux)))
    except (Unusable, OSError) as error:
        raise CannotStart(Reason("agent", str(error))) from error


def _nothing(_: Any) -> None:
    """Nobody waits for that answer."""
