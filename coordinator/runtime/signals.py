# SPDX-License-Identifier: LGPL-3.0-or-later
"""Signals as events of the loop (signal.set_wakeup_fd): nothing happens in a signal handler."""

import signal
import socket
from collections.abc import Callable

from coordinator.runtime.loop import READ, Loop

_CAUGHT = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

# Caught too, and not heard: their default is to end the process at once (signal(7)).  Not SIG_IGN,
# which the programs that the broker starts would inherit (execve(2)).
_WITHOUT_MEANING = (signal.SIGUSR1, signal.SIGUSR2)
_CHUNK_BYTES = 4096


class Signals:
    """Catches the signals that a broker obeys, from its making to `close`."""

    def __init__(self, loop: Loop, heard: Callable[[int], None]) -> None:
        """`heard` is called with each number; a number that came several times, once for all."""
        self._loop = loop
        self._heard = heard
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno())
        for number in (*_CAUGHT, *_WITHOUT_MEANING):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        loop.register(self._reader, READ, self._read)

    def _read(self, _events: int) -> None:
        for number in set(self._reader.recv(_CHUNK_BYTES)):
            if number in _CAUGHT:
                self._heard(number)

    def close(self) -> None:
        """Signals do nothing from now on."""
        signal.set_wakeup_fd(-1)
        self._loop.unregister(self._reader)
        self._reader.close()
        self._writer.close()
