# SPDX-License-Identifier: LGPL-3.0-or-later
"""Processes: modules started as children, and the death of any participant noticed at once.

Every process is watched through a pidfd (pidfd_open(2)), so its end is an event like any other, in
the same loop, without polling and without mistaking a reused pid for an old acquaintance.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from coordinator.core.events import Died, Started
from coordinator.core.requests import Spec
from coordinator.processes.descriptor_limit import as_before, give_back, raise_limit
from coordinator.processes.fork_server import ForkServer, Reply
from coordinator.processes.interface import Tell
from coordinator.runtime.loop import READ, Loop


@dataclass(slots=True)
class Process:
    """A process under watch; `ours` tells whether it is our child, to reap and to end."""

    name: str
    ticket: int
    pid: int
    pidfd: int
    ours: bool
    status: int = 0
    """How it ended, as subprocess's return codes: negative is a signal."""


class Connections(Protocol):
    """The connections that modules are born with: coordinator/transport/socket_pairs.py."""

    def open(self, module: str, ticket: int) -> socket.socket:
        """The end that the module of this name is to be born with.  Raises OSError."""

    def process_ended(self, ticket: int, then: Callable[[], None]) -> None:
        """Whoever has that end now, it is not the module: nothing more is to be heard from it.

        `then` follows, at once or when what the module had said was heard.
        """


class Children:
    """All processes under watch, by pidfd: a `Supervisor`, and `Programs`."""

    def __init__(self, connections: Connections, loop: Loop, command: tuple[str, ...] = ()) -> None:
        """`command` starts a module in place of the warm process; for tests."""
        self._connections = connections
        self._loop = loop
        self._command = command
        self._limit = raise_limit()
        self._fork_server = ForkServer(self._limit)
        self._by_fd: dict[int, Process] = {}
        self._starting: dict[int, str] = {}
        """Names by ticket, of those that the fork server has been asked for."""
        self._unwanted: set[int] = set()
        """Tickets of those among them that are to be ended as soon as they are there."""
        self._program: Process | None = None
        self._program_ended: Callable[[int], None] = _nothing

    def attach(self, tell: Tell) -> None:
        self._tell = tell
        self._loop.register(self._fork_server.fd, READ, self._answered)

    # Supervisor

    def start(self, name: str, spec: Spec, ticket: int) -> None:
        with self._connections.open(name, ticket) as connection:
            # After this block the module alone has that end
            if not self._command:
                self._fork_server.ask(ticket, name, spec.path, connection)
                self._starting[ticket] = name
                return
            pid = self._start_by_command(name, spec, ticket, connection.fileno())
        self._tell(Started(name, ticket, pid))

    def _start_by_command(self, name: str, spec: Spec, ticket: int, connection: int) -> int:
        identity = ["--name", name, "--socket", str(connection), "--parent", str(os.getpid())]
        child = subprocess.Popen(
            [*self._command, *identity, spec.path],
            stdin=subprocess.DEVNULL,
            pass_fds=[connection],
            start_new_session=True,  # a terminal's Ctrl-C is for the broker alone
        )
        return self._adopt(name, ticket, child).pid

    def collect(self) -> None:
        self._take(self._fork_server.collect())

    def _answered(self, _events: int) -> None:
        self._take(self._fork_server.read())

    def _take(self, replies: list[Reply]) -> None:
        for reply in replies:
            name = self._starting.pop(reply.ticket)
            unwanted = reply.ticket in self._unwanted
            self._unwanted.discard(reply.ticket)
            if reply.why_not:
                self._tell(Died(name, reply.ticket, f"could not be started: {reply.why_not}"))
                continue
            try:
                self._watch(name, reply.ticket, reply.pid, ours=True)
            except ProcessLookupError:
                self._tell(Died(name, reply.ticket, "ended at once"))
                continue
            except OSError as error:  # without a pidfd it cannot be supervised
                os.kill(reply.pid, signal.SIGKILL)
                self._tell(Died(name, reply.ticket, f"could not be watched: {error.strerror}"))
                continue
            if unwanted:
                self.kill(reply.ticket)
            else:
                self._tell(Started(name, reply.ticket, reply.pid))

    def watch(self, name: str, pid: int, ticket: int) -> None:
        for known in self._by_fd.values():
            if (known.name, known.pid, known.ours) == (name, pid, False):
                known.ticket = ticket  # it was here before, left, and comes back
                return
        self._watch(name, ticket, pid)

    def kill(self, ticket: int) -> None:
        if ticket in self._starting:
            self._unwanted.add(ticket)
        for watched in self._by_fd.values():
            if watched.ticket == ticket and watched.ours:
                signal.pidfd_send_signal(watched.pidfd, signal.SIGKILL)

    def close(self) -> None:
        self._fork_server.close()
        for watched in list(self._by_fd.values()):
            if watched.ours:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(watched.pidfd, signal.SIGKILL)
            self._reap(watched)

    # Programs

    def run(
        self, command: list[str], environment: dict[str, str], ended: Callable[[int], None]
    ) -> None:
        with as_before(self._limit):
            child = subprocess.Popen(command, env=environment)
        self._program_ended = ended
        self._program = self._adopt("", 0, child)

    def signal(self, number: int) -> None:
        if self._program is not None:
            signal.pidfd_send_signal(self._program.pidfd, signal.Signals(number))

    def child_ended(self) -> None:
        for ticket in self._fork_server.died():
            name = self._starting.pop(ticket)
            self._unwanted.discard(ticket)
            self._tell(Died(name, ticket, "could not be started: the process to fork it from died"))
        self._reap_orphans()

    # Inside

    def _adopt(self, name: str, ticket: int, child: "subprocess.Popen[bytes]") -> Process:
        give_back(child.pid, self._limit)
        child.returncode = 0  # from here on it is watched and reaped by its pidfd alone
        return self._watch(name, ticket, child.pid, ours=True)

    def _watch(self, name: str, ticket: int, pid: int, ours: bool = False) -> Process:
        """Raises OSError (ESRCH) where it is gone already."""
        watched = Process(name, ticket, pid, os.pidfd_open(pid), ours)
        self._by_fd[watched.pidfd] = watched
        self._loop.register(watched.pidfd, READ, lambda _: self._ended(watched))
        return watched

    def _ended(self, watched: Process) -> None:
        self._loop.unregister(watched.pidfd)
        how = self._reap(watched)
        if watched is self._program:
            self._program = None
            status = watched.status
            self._program_ended(status if status >= 0 else 128 - status)
        elif watched.ours:  # its last words say why, and go before
            died = Died(watched.name, watched.ticket, how)
            self._connections.process_ended(watched.ticket, lambda: self._tell(died))
        else:
            self._tell(Died(watched.name, watched.ticket, how))
        self._reap_orphans()  # one may have been hidden behind this one

    def _reap(self, watched: Process) -> str:
        """Reap a process that has ended; how it did, for people."""
        del self._by_fd[watched.pidfd]
        how = "its process ended"
        if watched.ours:
            ended = os.waitid(os.P_PIDFD, watched.pidfd, os.WEXITED)
            assert ended is not None
            exited = ended.si_code == os.CLD_EXITED
            watched.status = ended.si_status if exited else -ended.si_status
            how = how_it_ended(watched.status)
        os.close(watched.pidfd)
        return how

    def _reap_orphans(self) -> None:
        """Reap orphans of our children; as their subreaper (prctl(2)) we inherit them."""
        self.collect()  # a module whose start is not reported yet must not be taken for an orphan
        known = {watched.pid for watched in self._by_fd.values()}
        with suppress(ChildProcessError):
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if ended.si_pid in known:
                    return  # its pidfd tells; whoever is hidden behind it comes next time
                os.waitpid(ended.si_pid, 0)


def _nothing(_: int) -> None:
    """There is no program whose end anybody waits for."""


def how_it_ended(status: int) -> str:
    """subprocess's return code in words."""
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
