# SPDX-License-Identifier: LGPL-3.0-or-later
"""A broker composed of what this project has: SQLite, sockets, child processes, epoll.

The only place where these are constructed.  Another composition (Flux's reactor and RPCs, a ledger
in etcd, the simulation) gives the same broker, or the same executor, other parts.
"""

import os
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

from coordinator.api.front import SOCKET, UnixFront
from coordinator.broker import Broker, Options
from coordinator.cannot_start import CannotStart
from coordinator.core.machine import Coordinator
from coordinator.environment import Environment, Hook
from coordinator.files.proposal import Files, FilesOnDisk, StartFiles
from coordinator.files.provenance import ProvenanceStore
from coordinator.ledger.errors import LedgerError
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.observation.address import ATTRIBUTE, listener_at
from coordinator.observation.metrics_server import FilesLook, MetricsServer
from coordinator.observation.observer import Observer
from coordinator.opening import open_machine
from coordinator.processes.children import Children
from coordinator.processes.descriptor_limit import participant_places
from coordinator.runtime.directories import RunDirectory, Unusable
from coordinator.runtime.log import Log
from coordinator.runtime.loop import EpollLoop, Loop
from coordinator.runtime.worker import thread_workers
from coordinator.service.systemd import Invitation, SystemdManager
from coordinator.transport.joined import LocalAndOthers
from coordinator.transport.socket_pairs import SocketPairs
from coordinator.transport.traced import TracedTransport
from coordinator.transport.zmtp_router import ZmtpRouter
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason


def build_broker(
    options: Options,
    log: Log,
    resolve: Callable[[str], str],
    hook: Hook | None = None,
    invitation: Invitation | None = None,
) -> Broker:
    """A broker, ready to `run`.  `resolve` finds a module by what a user typed.

    `invitation` is systemd's, where it is to be told what the broker does.

    Raises CannotStart where the directories, the ledger or the sockets are unusable; then nothing
    is left open.
    """
    with ExitStack() as opened:  # closed again where the next one cannot be had
        try:
            _two_directories(options)
            ledger = SqliteLedger.open(options.statedir, options.wall_clock, options.history)
            opened.callback(ledger.close)
            rundir = RunDirectory(options.rundir)
            opened.callback(rundir.close)
            pairs = SocketPairs()
            opened.callback(pairs.close)
            router = _Router(rundir, pairs)
        except LedgerError as error:
            raise CannotStart(Reason("ledger", str(error), code=ReasonCode.DISK)) from error
        except (Unusable, OSError) as error:
            raise CannotStart(Reason("broker", str(error))) from error
        opened.pop_all()
    loop = EpollLoop()
    traced = TracedTransport(LocalAndOthers(pairs, router))
    processes = Children(pairs, loop, options.module_command)
    on_disk = FilesOnDisk(options.config) if options.config is not None else None
    files: Files | None = StartFiles(on_disk, options.conf) if options.conf else on_disk
    world = Environment(
        ledger=ledger,
        history=ledger.history(),
        transport=traced,
        supervisor=processes,
        timers=loop,
        workers=thread_workers(loop),
        provenance=ProvenanceStore(),
        files=files,
        observer=Observer(log, options.wall_clock),
    )
    machine = open_machine(ledger, loop.now(), Coordinator)
    attributes = _attributes(options, router.uri)
    front = UnixFront(rundir, loop)
    manager = SystemdManager(invitation, loop, log) if invitation is not None else None
    broker = Broker(
        options,
        machine,
        world,
        loop,
        processes,
        front,
        log,
        attributes,
        resolve,
        traced,
        hook,
        manager,
    )
    try:
        _serve_metrics(broker, world, loop, options.config)
    except CannotStart:
        broker.close()
        raise
    return broker


def _serve_metrics(broker: Broker, world: Environment, loop: Loop, path: str | None) -> None:
    """Serve metrics where the attribute says, if it is set.  Raises CannotStart."""
    address = broker.attributes.get(ATTRIBUTE)
    if not address:
        return
    try:
        from coordinator.observation import exposition
    except ImportError as error:
        why = f"{ATTRIBUTE}={address}: {error.name} is missing: install the extra `metrics` "
        raise CannotStart(Reason("metrics", f"{why}(prometheus-client)")) from error
    try:
        listener, broker.attributes[ATTRIBUTE] = listener_at(address)
    except ValueError as error:
        raise CannotStart(Reason("metrics", str(error))) from error
    except OSError as error:
        why = f"{ATTRIBUTE}={address}: {error.strerror}"
        raise CannotStart(Reason("metrics", why)) from error
    files = FilesLook(path, world.workers.history, loop.now)
    files.look()
    server = MetricsServer(listener, loop, world.workers.places, exposition, broker.machine,
                           world.observer.metrics, files)  # fmt: skip
    broker.beside.append(server)


def _two_directories(options: Options) -> None:
    """Raise Unusable where one directory is given for both: each is locked by itself."""
    if os.path.realpath(options.rundir) == os.path.realpath(options.statedir):
        raise Unusable(
            f"the run directory and the state directory are both {options.rundir}; give each a "
            "directory of its own"
        )


class _Router(ZmtpRouter):
    """The socket at which participants join, in the broker's own run directory."""

    def __init__(self, rundir: RunDirectory, pairs: SocketPairs) -> None:
        """Those who have a socket pair take places, too."""
        super().__init__(rundir.vacate("modules"), lambda: participant_places() - len(pairs))
        self._rundir = rundir
        rundir.own("modules")

    def close(self) -> None:
        super().close()
        self._rundir.close()


def _attributes(options: Options, modules_uri: str) -> dict[str, str]:
    return {
        "rank": "0",
        "size": "1",
        "hostname": socket.gethostname(),
        "instance-level": "0",
        "security.owner": str(os.geteuid()),
        "rundir": options.rundir,
        "statedir": options.statedir,
        "local-uri": f"local://{options.rundir}/{SOCKET}",
        "modules-uri": modules_uri,
        "broker.pid": str(os.getpid()),
        "broker.starttime": f"{time.time():.2f}",
        "config.path": options.config or "",
        **options.attributes,
    }
