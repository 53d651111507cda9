# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where a front is found: its files in the rank's directory, beside the broker's socket."""

import fcntl
import os
import socket
from contextlib import suppress

from fluxcore.slots import Slots

_NAME, _LOCK, _TEXT = "front", "front.lock", "front.config"


class Taken(Exception):
    """Another front has the directory."""


class Door:
    """The socket that the agent calls on, and what the next front has to know.

    Both descriptors, the listener and the lock, live as long as any process that inherited them.
    """

    def __init__(self, directory: str) -> None:
        """Raises Taken, OSError."""
        self._directory = directory
        self._kept = Slots(os.path.join(directory, _TEXT))
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._lock = os.open(os.path.join(directory, _LOCK), flags, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise Taken from None
        path = address(directory)
        with suppress(FileNotFoundError):
            os.unlink(path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            self.listener.bind(path)
        finally:
            os.umask(before)
        self.listener.listen()
        self.listener.setblocking(False)

    @property
    def kept(self) -> tuple[int, int]:
        """The descriptors that a standby keeps."""
        return self._lock, self.listener.fileno()

    def accept(self) -> socket.socket | None:
        """Who calls, if anybody does; only our own user is let in."""
        try:
            connected, _ = self.listener.accept()
        except OSError:
            return None
        return connected

    def write(self, text: str, generation: int) -> None:
        """Keep what is in force for a front that takes our place.  Raises OSError."""
        self._kept.write(b"%d\n" % generation + text.encode())

    def read(self) -> tuple[str, int] | None:
        """What was written last; None where nothing was."""
        data = self._kept.read()
        if data is None:
            return None
        generation, _, text = data.partition(b"\n")
        return text.decode(), int(generation)

    def forget(self) -> None:
        """Nothing is in force here any more."""
        self._kept.forget()
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self._directory, _NAME))


def address(directory: str) -> str:
    """That of a front's socket."""
    return os.path.join(directory, _NAME)
