# SPDX-License-Identifier: LGPL-3.0-or-later
"""The agent of one rank: a client of its broker, which serves `config` in place of Flux's module.

It is a client and no broker module, because a Python module that dies takes its broker with it.
"""

import errno
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from cli.client import complain
from coordinator.broker import CannotStart
from coordinator.core.events import Stop
from coordinator.fluxcore.agent import FluxBroker
from coordinator.fluxcore.compose import build_coordinator
from coordinator.fluxcore.passing_on import PassingOn, serve_passed_on
from coordinator.fluxcore.relay import RelayDoor, RelayedClients
from coordinator.fluxcore.service import ConfigService
from coordinator.runtime.directories import RunDirectory, Unusable
from coordinator.runtime.log import Log
from coordinator.runtime.signals import Signals
from fluxcore.bindings import NoFlux
from fluxcore.framing import GIVE_BACK, GROUP, HELLO, PING, SERVICE
from fluxcore.handle import Flux, Request
from fluxcore.loop import FluxLoop
from participant.fluxcore.link import CoordinatorLink
from participant.fluxcore.memory import Remembered, RunningFile
from participant.fluxcore.modules import LocalModules
from participant.fluxcore.rank import Rank
from participant.fluxcore.site_checks import SiteChecks
from protocol import limits
from protocol.configuration import Configuration, Unfit
from protocol.reasons import Reason

_COMMAND = "accord agent"
_CLEANUP = "timeout 5 flux config get >/dev/null 2>&1 || flux module load config"
"""Run by Flux before it unloads modules, for which it needs a `config` service: there is one while
the agent lives, and Flux's own is loaded where it does not."""


def serve(ready_fd: int | None) -> int:
    """Serve the rank that FLUX_URI leads to; the exit status."""
    try:
        flux = Flux()
        flux.add_service(SERVICE)
    except NoFlux as error:
        complain(_COMMAND, str(error))
        return 1
    except OSError as error:
        taken = error.errno == errno.EEXIST
        why = "this rank has an agent already" if taken else f"no Flux instance: {error.strerror}"
        if taken and ready_fd is not None:
            os.write(ready_fd, b"served\n")
            return 0
        complain(_COMMAND, why)
        return 1
    try:
        agent = Agent(flux, ready_fd)
    except CannotStart as error:
        for reason in error.reasons:
            complain(_COMMAND, str(reason))
        return 1
    return agent.run()


class Agent:
    """One life of one rank's agent."""

    def __init__(self, flux: Flux, ready_fd: int | None) -> None:
        """Raises CannotStart where rank 0's ledger or directories are unusable."""
        self._flux = flux
        self._ready_fd = ready_fd
        self._loop = FluxLoop(flux)
        self._log = Log("json")
        self._modules = LocalModules(flux)
        self._link = CoordinatorLink(flux)
        self._is_admitted = False
        self._may_open = flux.rank != 0
        running = _what_runs(flux)
        memory = RunningFile(os.path.join(_door_directory(flux), "running"))
        known = Remembered(running, certain=True) if running is not None else memory.read()
        self._rank = Rank(flux.rank, self._link, self._modules, self._loop, known, memory,
                          lambda text: self._log.warn("rank", why=text),
                          checks=SiteChecks(self._loop) if flux.rank == 0 else None)  # fmt: skip
        self._rank.changed = self._changed
        self._broker: FluxBroker | None = None
        if flux.rank == 0:
            self._service = self._coordinate(running)
        else:
            self._service = self._follow()
        flux.serve(GIVE_BACK, self._told_to_go)
        flux.serve(PING, lambda asked: asked.answer({"rank": flux.rank, "pid": os.getpid()}))

    def _coordinate(self, running: Configuration | None) -> ConfigService:
        flux, directories = self._flux, _directories(self._flux)
        composed = build_coordinator(flux, self._loop, directories, running, self._log)
        self._broker = composed.broker
        composed.front.opened = self._started
        serve_passed_on(flux, composed.front.change)
        RelayedClients(flux, self._loop, f"{directories[0]}/local")
        return ConfigService(flux, lambda: self._rank.in_force, composed.front.change)

    def _follow(self) -> ConfigService:
        passing_on = PassingOn(self._flux)

        def served(ranks: frozenset[int]) -> None:
            if 0 not in ranks:
                passing_on.coordinator_is_gone()

        self._flux.watch_group(GROUP, served)
        self._door = _door(self._flux, self._loop)
        return ConfigService(self._flux, lambda: self._rank.in_force, passing_on.change)

    # Life

    def run(self) -> int:
        """Serve until the broker ends, or somebody says so."""
        self._flux.call("groups.join", {"name": GROUP})
        self._link.open()
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
        with suppress(OSError):  # the broker is gone, and there is nobody to give it back to
            self._service.give_back()
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
        self._service.open()
        self._modules.tell_broker(self._rank.in_force)
        if self._flux.rank == 0:
            cleanup = {"name": "cleanup", "commands": [_CLEANUP]}
            self._flux.ask("runat.push", cleanup, _nothing)
        if self._ready_fd is not None:
            os.write(self._ready_fd, b"ready\n")
            os.close(self._ready_fd)
            self._ready_fd = None

    def _told_to_go(self, request: Request) -> None:
        request.answer()
        if self._broker is not None:
            self._broker.feed(Stop())
        else:
            self._loop.stop()


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
    socket = _socket(flux)
    parent = flux.attribute("statedir") or flux.attribute("rundir") or os.path.dirname(socket)
    door = _door_directory(flux)
    ledger = _directory(os.path.join(parent, "accord"), 0o700)
    return door, ledger


def _door(flux: Flux, loop: FluxLoop) -> RelayDoor:
    """The clients' socket of a follower.  Raises CannotStart."""
    try:
        return RelayDoor(flux, loop, RunDirectory(_door_directory(flux)))
    except (Unusable, OSError) as error:
        raise CannotStart(Reason("agent", str(error))) from error


def _socket(flux: Flux) -> str:
    return (flux.attribute("local-uri") or "").removeprefix("local://")


def _door_directory(flux: Flux) -> str:
    """Where the clients' socket is, and what this rank runs."""
    return _directory(f"{_socket(flux)}.accord", 0o755)


def _directory(path: str, mode: int) -> str:
    """It, made where it is not there."""
    os.makedirs(path, mode=mode, exist_ok=True)
    return path


def _nothing(_: Any) -> None:
    """Nobody waits for that answer."""


# From outside


def detach() -> int:
    """Start an agent in the background and return when this rank is served; the exit status."""
    reader, writer = os.pipe()
    log = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"flux-accord-{os.getuid()}.log")
    command = [sys.executable, "-m", "cli.accord", "agent", "--ready-fd", str(writer)]
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
    out = os.open(log, flags, 0o600)
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                               pass_fds=(writer,), start_new_session=True)  # fmt: skip
    os.close(writer)
    readable, _, _ = select.select([reader], [], [], limits.AGENT_START_SECONDS)
    if readable and os.read(reader, 64):
        return 0
    if not readable:
        process.kill()
    complain(_COMMAND, f"the agent did not come to serve this rank; see {log}")
    return 1


def stop() -> int:
    """End the agent of this rank and wait until it is gone; the exit status."""
    try:
        flux = Flux()
        flux.call(GIVE_BACK, {}, flux.rank)
        end = time.monotonic() + limits.AGENT_START_SECONDS
        while time.monotonic() < end:
            with suppress(TimeoutError):  # what it was sent as it died it never answers
                flux.call(PING, {}, flux.rank, limits.AGENT_PROBE_SECONDS)
            time.sleep(0.02)
    except NoFlux as error:
        complain(_COMMAND, str(error))
        return 1
    except OSError as error:
        if error.errno == errno.ENOSYS:
            return 0
        complain(_COMMAND, f"no Flux instance: {error.strerror}")
        return 1
    complain(_COMMAND, "the agent does not end")
    return 1
