# SPDX-License-Identifier: LGPL-3.0-or-later
"""The coordinator of a Flux instance, composed: production machine, executor and ledger, and Flux.

What `coordinator.compose` is for a broker of our own.
"""

import os
from contextlib import ExitStack
from typing import NamedTuple

from coordinator.api.front import UnixFront
from coordinator.broker import Options
from coordinator.cannot_start import CannotStart
from coordinator.core.events import Unreachable
from coordinator.core.machine import Coordinator
from coordinator.environment import Environment, Hook
from coordinator.files.proposal import FilesOnDisk, Proposal
from coordinator.files.provenance import ProvenanceStore
from coordinator.fluxcore.agent import FluxBroker, FluxFront
from coordinator.fluxcore.attendance import Attendance
from coordinator.fluxcore.liveness import NoPrograms, RankWatch
from coordinator.fluxcore.transport import RankTransport
from coordinator.ledger.errors import LedgerError
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.observation.observer import Observer
from coordinator.opening import open_machine
from coordinator.runtime.directories import RunDirectory, Unusable
from coordinator.runtime.log import Log
from coordinator.runtime.worker import thread_workers
from coordinator.transport.traced import TracedTransport
from fluxcore.handle import Flux
from fluxcore.loop import FluxLoop
from fluxcore.routes import Routes
from protocol.configuration import Configuration
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason


class FluxFiles:
    """The files that Flux was started with; at the start, what it runs already."""

    def __init__(self, path: str, running: Configuration | None) -> None:
        self._files = FilesOnDisk(path)
        self._running = running

    def read(self) -> Proposal:
        """What the files ask for now."""
        return self._files.read()

    def read_at_once(self) -> Proposal | None:
        """What Flux's own module tells; None where it has been taken over already."""
        return Proposal((), self._running) if self._running is not None else None


class Composed(NamedTuple):
    """The coordinator's broker, and its front for clients of Flux."""

    broker: FluxBroker
    front: FluxFront


def build_coordinator(
    flux: Flux,
    routes: Routes,
    loop: FluxLoop,
    directories: tuple[str, str],
    running: Configuration | None,
    log: Log,
    hook: Hook | None = None,
) -> Composed:
    """A coordinator ready to `run` on rank 0.

    `directories`: that of the clients' socket, and that of the ledger.  `running`: what Flux's own
    `config` module tells, None where another agent has taken it over before.  Raises CannotStart.
    """
    rundir, statedir = directories
    with ExitStack() as opened:
        try:
            ledger = SqliteLedger.open(statedir)
            opened.callback(ledger.close)
            door = RunDirectory(rundir)
        except LedgerError as error:
            raise CannotStart(Reason("ledger", str(error), code=ReasonCode.DISK)) from error
        except (Unusable, OSError) as error:
            raise CannotStart(Reason("agent", str(error))) from error
        opened.pop_all()
    if running is None and ledger.last() is None:
        running = Configuration.of({})
    transport = RankTransport(flux, routes)
    watch = RankWatch(flux, transport)
    traced = TracedTransport(transport)
    path = flux.attribute("config.path") or ""
    world = Environment(
        ledger=ledger,
        history=ledger.history(),
        transport=traced,
        supervisor=watch,
        timers=loop,
        workers=thread_workers(loop),
        provenance=ProvenanceStore(),
        files=FluxFiles(path, running),
        observer=Observer(log),
    )
    machine = open_machine(ledger, loop.now(), Coordinator, undo_failures=True)
    front = FluxFront(UnixFront(door, loop), flux.size)
    options = Options(rundir, statedir, path or None)
    broker = FluxBroker(options, machine, world, loop, NoPrograms(), front, log,
                        _attributes(flux, directories, path), _no_module, traced, hook)  # fmt: skip
    broker.wire(flux, front, Attendance(loop, lambda: watch.online, lambda: machine.members,
                                  lambda: machine.generation))  # fmt: skip
    watch.changed = broker.unreached
    transport.attach(lambda peer: broker.feed(Unreachable(peer)), watch.replaced)
    return Composed(broker, front)


def _no_module(name: str) -> str:
    raise LookupError(f"{name}: modules of Flux are loaded by `flux module load`")


def _attributes(flux: Flux, directories: tuple[str, str], path: str) -> dict[str, str]:
    return {
        "rank": "0",
        "size": str(flux.size),
        "rundir": directories[0],
        "statedir": directories[1],
        "local-uri": f"local://{directories[0]}/local",
        "broker.pid": str(os.getpid()),
        "config.path": path,
    }
