# SPDX-License-Identifier: LGPL-3.0-or-later
"""The bytes of one ZeroMQ connection, as its ROUTER end sees them; no socket is touched here.

ZMTP 3.1 (https://rfc.zeromq.org/spec/37/) with the NULL mechanism, which is all that a unix socket
needs: who may connect is decided by its mode.  Spoken by hand because libzmq aborts its process
where it cannot accept for want of a file descriptor (ipc_listener.cpp, EMFILE), and because whoever
accepts himself can say how many.
"""

from collections.abc import Iterator

_SIGNATURE_FIRST, _SIGNATURE_LAST = 0xFF, 0x7F
_MECHANISM = b"NULL".ljust(20, b"\0")
_GREETING_BYTES = 64
GREETING = (
    bytes([_SIGNATURE_FIRST]) + bytes(8) + bytes([_SIGNATURE_LAST])
    + bytes([3, 1]) + _MECHANISM + bytes(1 + 31)
)  # fmt: skip

_MORE, _LONG, _COMMAND = 1, 2, 4
_COMMAND_BYTES = 4096  # more than any command of a well-behaved peer


class NotZmtp(ValueError):
    """What came is not what may come here; the connection is of no use any more."""


def header(size: int, flags: int = 0) -> bytes:
    """What goes before a frame of so many bytes."""
    if size <= 255:
        return bytes([flags, size])
    return bytes([flags | _LONG]) + size.to_bytes(8, "big")


def _command(name: bytes, data: bytes) -> bytes:
    body = bytes([len(name)]) + name + data
    return header(len(body), _COMMAND) + body


def _property(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + len(value).to_bytes(4, "big") + value


READY = _command(b"READY", _property(b"Socket-Type", b"ROUTER") + _property(b"Identity", b""))


class ZmtpReader:
    """Takes the bytes as they come, and gives messages."""

    def __init__(self, most: int) -> None:
        """`most`: the bytes that one frame may have."""
        self._most = most
        self._bytes = bytearray()
        self._greeted = False
        self._parts = 0
        self.replies = bytearray()
        """What is to be sent because of what has come; whoever sends it clears it."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Messages that are complete with this; one of several frames comes empty.

        Raises NotZmtp, after the messages before it.
        """
        self._bytes += data
        if not self._greeted:
            if len(self._bytes) < _GREETING_BYTES:
                return
            self._greet(bytes(self._bytes[:_GREETING_BYTES]))
            del self._bytes[:_GREETING_BYTES]
        taken = 0
        try:
            while (found := self._frame(taken)) is not None:
                flags, start, taken = found
                message = self._take(flags, start, taken)
                if message is not None:
                    yield message
        finally:
            del self._bytes[:taken]

    def _greet(self, greeting: bytes) -> None:
        signed = greeting[0] == _SIGNATURE_FIRST and greeting[9] & 1
        if not signed or greeting[10] < 3 or greeting[12:32] != _MECHANISM:
            raise NotZmtp("it does not speak ZMTP 3 with the NULL mechanism")
        self._greeted = True
        self.replies += READY

    def _frame(self, at: int) -> tuple[int, int, int] | None:
        """Flags, first byte and end of the frame at this place; None where it is not complete."""
        if len(self._bytes) < at + 2:
            return None
        flags = self._bytes[at]
        if flags & ~(_MORE | _LONG | _COMMAND):
            raise NotZmtp("a frame has flags that there are not")
        start = at + (9 if flags & _LONG else 2)
        if len(self._bytes) < start:
            return None
        size = int.from_bytes(self._bytes[at + 1 : start], "big")
        if size > (_COMMAND_BYTES if flags & _COMMAND else self._most):
            raise NotZmtp(f"a frame of {size} bytes is too long")
        return (flags, start, start + size) if len(self._bytes) >= start + size else None

    def _take(self, flags: int, start: int, end: int) -> bytes | None:
        body = bytes(self._bytes[start:end])
        if flags & _COMMAND:
            self._obey(body)
            return None
        self._parts += 1
        if flags & _MORE:
            return None
        parts, self._parts = self._parts, 0
        return body if parts == 1 else b""

    def _obey(self, body: bytes) -> None:
        name = body[1 : 1 + body[0]] if body else b""
        if name == b"PING":
            self.replies += _command(b"PONG", body[1 + len(name) + 2 :])
        elif name == b"ERROR":
            raise NotZmtp("it gave up the handshake")
