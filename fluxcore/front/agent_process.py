# SPDX-License-Identifier: LGPL-3.0-or-later
"""The agent as the front sees it: a process that is started again when it dies, sooner or later.

It may be another front's child, or nobody's: it is watched by pidfd_open(2), not by waitpid(2).
"""

import os
import select
import signal
from collections.abc import Callable
from contextlib import suppress

_PAUSES = (0.0, 0.2, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds before the next start, by the number of lives that came to nothing."""


class AgentProcess:
    """At most one process."""

    def __init__(self, command: list[str], now: Callable[[], float]) -> None:
        self.command = command
        self._now = now
        self.pid = 0
        self.descriptor = -1
        """Readable when it is dead."""
        self.start_at: float | None = None
        """When it is to be started."""
        self._failed = 0

    def adopt(self, pid: int) -> bool:
        """Watch a process that is there already; False: it is not."""
        if pid == self.pid:
            return True
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return False
        self.forget()
        self.pid, self.descriptor, self.start_at = pid, descriptor, None
        return True

    def start(self) -> None:
        """Start it."""
        self.start_at = None
        # What is ignored stays so over execve(2), and Python ignores SIGPIPE
        pid = os.posix_spawn(self.command[0], self.command, os.environ,
                             setsigdef=[signal.SIGPIPE])  # fmt: skip
        self.adopt(pid)

    def serves(self) -> None:
        """This life has come to something."""
        self._failed = 0

    @property
    def is_dead(self) -> bool:
        """Whether there was one, and it has died."""
        if self.descriptor < 0:
            return False
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        return bool(poll.poll(0))

    def died(self) -> int | None:
        """It is dead: start it again in a while.  Its exit status, where it was our child."""
        status = None
        with suppress(ChildProcessError):
            _, ended = os.waitpid(self.pid, 0)
            status = os.waitstatus_to_exitcode(ended)
        self.forget()
        self.start_at = self._now() + _PAUSES[min(self._failed, len(_PAUSES) - 1)]
        self._failed += 1
        return status

    def start_soon(self) -> None:
        """Somebody wants it: no long pause."""
        if self.start_at is not None:
            self._failed, self.start_at = 0, self._now()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.descriptor >= 0:
            with suppress(OSError):
                signal.pidfd_send_signal(self.descriptor, number)

    def forget(self) -> None:
        """There is none."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.pid, self.descriptor = 0, -1
