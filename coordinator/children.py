"""Processes: modules started as children, and the death of any participant noticed at once.

Every process is watched through a pidfd (pidfd_open(2)), so its end is an event like any other, in
the same loop, without polling and without mistaking a reused pid for an old acquaintance.
"""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass

from coordinator.changes import Spec

MODULE_COMMAND: tuple[str, ...] = (sys.executable, "-m", "participant.process")


@dataclass(slots=True)
class Watched:
    """A process under watch; `child` tells whether it is ours to reap and to end."""

    name: str
    pid: int
    pidfd: int
    child: subprocess.Popen[bytes] | None


class Children:
    """All processes under watch, by pidfd."""

    def __init__(self, modules_uri: str, command: tuple[str, ...] = MODULE_COMMAND) -> None:
        self._uri = modules_uri
        self._command = command
        self.by_fd: dict[int, Watched] = {}

    def start(self, name: str, spec: Spec) -> Watched:
        """Start the process of a module.  Raises OSError where that is not possible."""
        child = subprocess.Popen(
            [*self._command, "--name", name, "--uri", self._uri, "--parent", str(os.getpid()),
             spec.path],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C is for the broker alone
        )  # fmt: skip
        return self.watch(name, child.pid, child)

    def run(self, command: list[str], environment: dict[str, str]) -> Watched:
        """Start the program of `flux start`, on the broker's own terminal."""
        child = subprocess.Popen(command, env=environment)
        return self.watch("", child.pid, child)

    def watch(self, name: str, pid: int, child: subprocess.Popen[bytes] | None = None) -> Watched:
        """Watch a process.  Raises OSError (ESRCH) where it is gone already."""
        watched = Watched(name, pid, os.pidfd_open(pid), child)
        self.by_fd[watched.pidfd] = watched
        return watched

    def bury(self, watched: Watched) -> str:
        """Reap a process that has ended; how it did, for people."""
        del self.by_fd[watched.pidfd]
        os.close(watched.pidfd)
        if watched.child is None:
            return "its process ended"
        return how_it_ended(watched.child.wait())

    def kill(self, name: str, pid: int) -> None:
        """End a child of ours at once (SIGKILL); one that is gone already is no error."""
        for watched in self.by_fd.values():
            if watched.pid == pid and watched.name == name and watched.child is not None:
                signal.pidfd_send_signal(watched.pidfd, signal.SIGKILL)

    def kill_all(self) -> None:
        """End and reap every child that is left."""
        for watched in list(self.by_fd.values()):
            if watched.child is not None:
                watched.child.kill()
            self.bury(watched)


def how_it_ended(status: int) -> str:
    """subprocess's return code in words."""
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
