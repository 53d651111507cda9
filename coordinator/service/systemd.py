# SPDX-License-Identifier: LGPL-3.0-or-later
"""systemd as the service manager: datagrams to the socket that it names (sd_notify(3)).

The environment names it for the broker alone: what the broker starts must not speak in its name, so
the variables are taken out of the environment before anything is started.  The loop itself says
WATCHDOG=1, at half the time that systemd allows (sd_watchdog_enabled(3)): a loop that hangs says
nothing, and is ended.
"""

import socket
from collections import deque
from collections.abc import MutableMapping
from contextlib import suppress
from typing import NamedTuple

from coordinator.runtime.log import Logger
from coordinator.runtime.loop import Timers
from coordinator.service.interface import ServiceState
from coordinator.service.words import WATCHDOG, messages
from protocol import limits

_SOCKET, _WATCHDOG, _WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


class Invitation(NamedTuple):
    """What systemd wrote into the environment of a service."""

    address: str = ""
    """Of its socket: a path, or with `@` in front an abstract name; empty where there is none."""
    watchdog_seconds: float | None = None
    """Longest silence that it takes for life."""


def take_invitation(environment: MutableMapping[str, str], pid: int) -> Invitation:
    """What is meant for this process (`pid`), and for no child of it: it is taken out."""
    address = environment.pop(_SOCKET, "")
    microseconds = environment.pop(_WATCHDOG, "")
    watched = environment.pop(_WATCHDOG_PID, "")
    meant = watched in ("", str(pid))
    if not (meant and microseconds.isascii() and microseconds.isdigit() and int(microseconds)):
        return Invitation(address)
    return Invitation(address, int(microseconds) / 1e6)


class SystemdManager:
    """A `ServiceManager` at the other end of a datagram socket.

    Nothing here waits or raises: a manager that is gone, or takes nothing, stops no broker.
    """

    def __init__(self, invitation: Invitation, timers: Timers, log: Logger) -> None:
        self._timers = timers
        self._log = log
        self._watchdog = invitation.watchdog_seconds
        self._said = ServiceState()
        self._waiting: deque[bytes] = deque(maxlen=limits.NOTIFICATIONS_WAITING)
        self._address = _address(invitation.address)
        self._socket: socket.socket | None = None
        if self._address is None:
            log.warn("no such socket", NOTIFY_SOCKET=invitation.address,
                     why="it is neither an absolute path nor an abstract name")  # fmt: skip
            return
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    @property
    def listens(self) -> bool:
        """False where there is no socket to speak to."""
        return self._socket is not None

    def begin(self) -> None:
        """Say from time to time that the loop is alive, where that is asked for."""
        if self._watchdog is not None:
            self._alive()

    def _alive(self) -> None:
        if self._socket is None:
            return
        self._send(WATCHDOG)
        assert self._watchdog is not None
        self._timers.call_at(self._timers.now() + self._watchdog / 2, self._alive)

    def say(self, now: ServiceState) -> None:
        """Tell what is news of this state."""
        for message in messages(self._said, now, int(self._timers.now() * 1e6)):
            self._send(message)
        self._said = now

    def _send(self, message: str) -> None:
        self._waiting.append(message.encode(errors="replace"))
        self._flush()

    def _flush(self) -> None:
        while self._waiting and self._socket is not None:
            try:
                self._socket.sendto(self._waiting[0], self._address or "")
            except BlockingIOError:
                later = self._timers.now() + limits.NOTIFY_AGAIN_SECONDS
                self._timers.call_at(later, self._flush)
                return
            except OSError as error:
                self._log.warn("systemd is not told", why=error.strerror)
                self.close()
                return
            self._waiting.popleft()

    def close(self) -> None:
        """Tell what waits, if it is taken at once, and no more."""
        if self._socket is None:
            return
        descriptor, self._socket = self._socket, None
        with suppress(OSError), descriptor:
            for message in self._waiting:
                descriptor.sendto(message, self._address or "")


def _address(given: str) -> str | None:
    if given.startswith("@") and len(given) > 1:
        return "\0" + given[1:]
    return given if given.startswith("/") else None
