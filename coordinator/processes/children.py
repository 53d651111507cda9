# SPDX-License-Identifier: LGPL-3.0-or-later
"""Processes: modules started as children, and the death of any participant noticed at once.

Every process is watched through a pidfd (pidfd_open(2)), so its end is an event like any other, in
the same loop, without polling and without mistaking a reused pid for an old acquaintance.
"""

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass

from coordinator.core.requests import Spec
from coordinator.processes.descriptor_limit import as_before, give_back, raise_limit
from coordinator.processes.fork_server import ForkServer


@dataclass(slots=True)
class Process:
    """A process under watch; `ours` tells whether it is our child, to reap and to end."""

    name: str
    pid: int
    pidfd: int
    ours: bool
    status: int = 0
    """How it ended, as subprocess's return codes: negative is a signal."""


class Children:
    """All processes under watch, by pidfd."""

    def __init__(self, modules_uri: str, command: tuple[str, ...] = ()) -> None:
        """`command` starts a module in place of the warm template; for tests."""
        self._uri = modules_uri
        self._command = command
        self._limit = raise_limit()
        self.fork_server = ForkServer(modules_uri, self._limit)
        self.by_fd: dict[int, Process] = {}

    def start(self, name: str, spec: Spec) -> Process | None:
        """Start a module; None where `collect` will tell.  Raises OSError where it cannot be."""
        if not self._command:
            self.fork_server.ask(name, spec.path)
            return None
        child = subprocess.Popen(
            [*self._command, "--name", name, "--uri", self._uri, "--parent", str(os.getpid()),
             spec.path],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C is for the broker alone
        )  # fmt: skip
        return self._adopt(name, child)

    def collect(self) -> list[Process | str]:
        """Modules that the template has started since; a name alone is one that it has not."""
        found: list[Process | str] = []
        for name, pid in self.fork_server.collect():
            try:
                found.append(self.watch(name, pid, ours=True))
            except ProcessLookupError:
                found.append(name)
            except OSError:  # it cannot be watched, and so it cannot be had
                os.kill(pid, signal.SIGKILL)
                found.append(name)
        return found

    def run(self, command: list[str], environment: dict[str, str]) -> Process:
        """Start the program of `flux start`, on the broker's own terminal."""
        with as_before(self._limit):
            child = subprocess.Popen(command, env=environment)
        return self._adopt("", child)

    def _adopt(self, name: str, child: subprocess.Popen[bytes]) -> Process:
        give_back(child.pid, self._limit)
        child.returncode = 0  # from here on it is watched and reaped by its pidfd alone
        return self.watch(name, child.pid, ours=True)

    def watch(self, name: str, pid: int, ours: bool = False) -> Process:
        """Watch a process.  Raises OSError (ESRCH) where it is gone already."""
        watched = Process(name, pid, os.pidfd_open(pid), ours)
        self.by_fd[watched.pidfd] = watched
        return watched

    def watches(self, name: str, pid: int) -> bool:
        """Whether this process is under watch, under this name."""
        return any((one.name, one.pid) == (name, pid) for one in self.by_fd.values())

    def reap(self, watched: Process) -> str:
        """Reap a process that has ended; how it did, for people."""
        del self.by_fd[watched.pidfd]
        how = "its process ended"
        if watched.ours:
            ended = os.waitid(os.P_PIDFD, watched.pidfd, os.WEXITED)
            assert ended is not None
            exited = ended.si_code == os.CLD_EXITED
            watched.status = ended.si_status if exited else -ended.si_status
            how = how_it_ended(watched.status)
        os.close(watched.pidfd)
        return how

    def reap_orphans(self) -> None:
        """Reap orphans of our children; as their subreaper (prctl(2)) we inherit them."""
        known = {watched.pid for watched in self.by_fd.values()}
        with suppress(ChildProcessError):
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if ended.si_pid in known:
                    return  # its pidfd tells; whoever is hidden behind it comes next time
                os.waitpid(ended.si_pid, 0)

    def kill(self, name: str, pid: int) -> None:
        """End a child of ours at once (SIGKILL); one that is gone already is no error."""
        for watched in self.by_fd.values():
            if watched.pid == pid and watched.name == name and watched.ours:
                signal.pidfd_send_signal(watched.pidfd, signal.SIGKILL)

    def kill_all(self) -> None:
        """End and reap every child that is left."""
        self.fork_server.close()
        for watched in list(self.by_fd.values()):
            if watched.ours:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(watched.pidfd, signal.SIGKILL)
            self.reap(watched)


def how_it_ended(status: int) -> str:
    """subprocess's return code in words."""
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
