# SPDX-License-Identifier: LGPL-3.0-or-later
"""The second in line: a copy of the front, made by fork(2), that waits for the front's end.

It holds the front's door and its lock, so that nothing closes when the front dies, and reads a pipe
that nobody else writes to: its end without a farewell is the front's death, seen at once.
"""

import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress

_OVER = b"over"


class Standby:
    """The front's end of the pipe, and the process at the other."""

    def __init__(self, pid: int, descriptor: int, pipe: int) -> None:
        self.pid = pid
        self.descriptor = descriptor
        """Readable when it is dead (pidfd_open(2))."""
        self._pipe = pipe

    def tell(self, agent: int) -> None:
        """Have it know the agent's process; 0 where there is none."""
        self._write(b"%d\n" % agent)

    def farewell(self) -> None:
        """The front ends in good order, and so does this."""
        self._write(_OVER)
        self.close()

    def _write(self, data: bytes) -> None:
        with suppress(OSError):  # it is dead; its descriptor says so
            os.write(self._pipe, data)

    def close(self) -> None:
        """Nobody is at the other end."""
        os.close(self._pipe)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        os.close(self.descriptor)


def fork_standby(keep: Iterable[int], takes_over: Callable[[int], int]) -> Standby:
    """Make one.  It keeps the descriptors `keep` and the first three, and none else.

    `takes_over` is called in it with the agent's process when the front has died, and its result is
    the exit status.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(reader)
        return Standby(pid, os.pidfd_open(pid), writer)
    status = 1
    try:
        _close_all_but({reader, *keep})
        agent = _wait(reader)
        status = 0 if agent is None else takes_over(agent)
    finally:
        os._exit(status)  # what the front has left in this memory is not ours to tidy up


def _close_all_but(keep: set[int]) -> None:
    """The front's connection to the broker, to its agent, and to its own standby."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and int(name) not in keep:
            with suppress(OSError):  # listdir's own
                os.close(int(name))


def _wait(reader: int) -> int | None:
    """The agent's process when the front has died; None where it has ended in good order."""
    said = b""
    while data := os.read(reader, 4096):
        said = (said + data)[-4096:]
    os.close(reader)
    if said.endswith(_OVER):
        return None
    lines = said.split(b"\n")[:-1]
    return int(lines[-1]) if lines else 0
