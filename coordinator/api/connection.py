# SPDX-License-Identifier: LGPL-3.0-or-later
"""One client's connection: who is there, what it asked, and what still has to be sent to it."""

import os
import socket
import struct
import time

from coordinator.api.access import ClientRole
from protocol import limits

_CREDENTIALS = struct.Struct("3i")
_CHUNK = 256 * 1024


class Connection:
    """`busy` while its request is being worked on, or it watches."""

    __slots__ = (
        "_in",
        "_lines",
        "active_at",
        "busy",
        "number",
        "out",
        "pid",
        "role",
        "sock",
        "uid",
    )

    def __init__(self, number: int, sock: socket.socket) -> None:
        """Asks the kernel who is on the other end (unix(7), SO_PEERCRED)."""
        self.number = number
        self.sock = sock
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        self.pid, self.uid, _ = _CREDENTIALS.unpack(raw)
        self.role = ClientRole.OWNER if self.uid == os.geteuid() else ClientRole.STRANGER
        self.out = bytearray()
        self.busy = False
        self.active_at = time.monotonic()
        """When bytes went in or out last, by the monotonic clock."""
        self._in = bytearray()
        self._lines = 0

    # In

    @property
    def is_ready(self) -> bool:
        """True if a request is there and may be worked on: not before earlier answers are read."""
        few = len(self.out) <= limits.ANSWERS_WAITING_BYTES
        return self._lines > 0 and not self.busy and few

    @property
    def is_idle(self) -> bool:
        """True if nothing is being done for it."""
        return not self.busy and not self.out and not self._lines

    @property
    def room(self) -> int:
        """How many bytes may be read now: one request, and a little of those behind it."""
        most = limits.REQUESTS_WAITING_BYTES
        if not self._lines:
            most = limits.LINE_BYTES if self.role is ClientRole.OWNER else limits.GUEST_LINE_BYTES
            most += 1  # the end of the line
        return max(0, most - len(self._in))

    @property
    def is_too_long(self) -> bool:
        """True if a request has begun that has no end within what may be read."""
        return not self._lines and not self.room

    def read(self) -> bool:
        """Take in what has come.  Returns False if the other end is gone."""
        try:
            data = self.sock.recv(min(_CHUNK, self.room))
        except BlockingIOError:
            return True
        except OSError:
            return False
        self.active_at = time.monotonic()
        self._in += data
        self._lines += data.count(b"\n")
        return bool(data)

    def take_line(self) -> bytes:
        """The next request, without the end of its line."""
        end = self._in.index(b"\n")
        line = bytes(self._in[:end])
        del self._in[: end + 1]
        self._lines -= 1
        return line

    # Out

    def flush(self) -> bool:
        """Send what the kernel takes now.  Returns False if the other end is gone."""
        while self.out:
            try:
                sent = self.sock.send(self.out)
            except BlockingIOError:
                break
            except OSError:
                return False
            self.active_at = time.monotonic()
            del self.out[:sent]
        return True
