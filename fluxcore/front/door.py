# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where a front is found: its files in the rank's directory, beside the broker's socket."""

import fcntl
import os
import socket
from contextlib import suppress

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
        draft = os.path.join(self._directory, f"{_TEXT}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
            file.write(b"%d\n" % generation + text.encode())
        os.replace(draft, os.path.join(self._directory, _TEXT))

    def read(self) -> tuple[str, int] | None:
        """What was written last; None where nothing was."""
        try:
            with open(os.path.join(self._directory, _TEXT), "rb") as file:
                generation, _, text = file.read().partition(b"\n")
        except OSError:
            return None
        return text.decode(), int(generation)

    def forget(self) -> None:
        """Nothing is in force here any more."""
        for name in (_TEXT, _NAME):
            with suppress(FileNotFoundError):
                os.unlink(os.path.join(self._directory, name))


def address(directory: str) -> str:
    """That of a front's socket."""
    return os.path.join(directory, _NAME)
