# SPDX-License-Identifier: LGPL-3.0-or-later
"""Between front and agent: a socket of the unix family, which says at once when an end dies.

A message is some fields (JSON) and some texts, which are not looked into on the way.
"""

import json
import socket
import struct
from typing import Any

from protocol import limits

Message = tuple[dict[str, Any], list[str]]

_LENGTH = struct.Struct(">I")
_CHUNK = 256 * 1024


class Gone(Exception):
    """The other end is no more, or sends what no end of ours would."""


class Channel:
    """One end.  Nothing waits, except `flush_now`."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._in, self._out = bytearray(), bytearray()

    def fileno(self) -> int:
        """The descriptor, to wait for."""
        return self._socket.fileno()

    def pid(self) -> int:
        """The process at the other end, by the kernel's word (unix(7), SO_PEERCRED)."""
        return self._credentials()[0]

    def uid(self) -> int:
        """The user that it runs as."""
        return self._credentials()[1]

    def _credentials(self) -> tuple[int, int]:
        three = struct.Struct("3i")
        told = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, three.size)
        pid, uid, _ = three.unpack(told)
        return pid, uid

    def send(self, fields: dict[str, Any], *texts: str) -> None:
        """Send, or keep what the kernel does not take yet."""
        parts = [text.encode() for text in texts]
        head = json.dumps({**fields, "sizes": [len(part) for part in parts]}).encode()
        self._out += b"".join((_LENGTH.pack(len(head)), head, *parts))
        self.flush()

    @property
    def wants_to_write(self) -> bool:
        """Whether something is kept."""
        return bool(self._out)

    def flush(self) -> None:
        """Send what is kept, as far as it is taken.  That the other end is gone `receive` says."""
        try:
            while self._out:
                del self._out[: self._socket.send(self._out[:_CHUNK])]
        except BlockingIOError:
            pass
        except OSError:
            self._out.clear()

    def flush_now(self, seconds: float) -> None:
        """Wait until all is taken.  Raises Gone, TimeoutError."""
        self._socket.settimeout(seconds)
        try:
            self._socket.sendall(self._out)
            self._out.clear()
        except TimeoutError:
            raise
        except OSError as error:
            raise Gone(error.strerror) from error
        finally:
            self._socket.setblocking(False)

    def receive(self) -> list[Message]:
        """What has come.  Raises Gone, when all that came before has been received."""
        ended = False
        try:
            while data := self._socket.recv(_CHUNK):
                self._in += data
            ended = True
        except BlockingIOError:
            pass
        except OSError:
            ended = True
        messages = self._messages()
        if ended and not messages:
            raise Gone("the other end has closed")
        return messages

    def _messages(self) -> list[Message]:
        found = []
        while (message := self._next()) is not None:
            found.append(message)
        return found

    def _next(self) -> Message | None:
        if len(self._in) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._in)
        if length > limits.FRONT_HEAD_BYTES:
            raise Gone("no message of ours begins like that")
        start = _LENGTH.size + length
        if len(self._in) < start:
            return None
        fields = json.loads(self._in[_LENGTH.size : start])
        sizes = fields.pop("sizes")
        if len(self._in) < start + sum(sizes):
            return None
        texts = []
        for size in sizes:
            texts.append(self._in[start : start + size].decode())
            start += size
        del self._in[:start]
        return fields, texts

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
