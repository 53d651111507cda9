# SPDX-License-Identifier: LGPL-3.0-or-later
"""The ZeroMQ socket at which participants join (zmq_socket(7), ROUTER; zmq_ipc(7)).

Owner only: the socket is made under a umask that keeps everybody else out.  It is made here:
ZeroMQ removes at its end what it has made, even if it is somebody else's by then.  A frame
larger than a participant may send ends its connection inside ZeroMQ, before it takes memory.
ROUTER_MANDATORY makes a message to nobody an error instead of silence.
"""

import os
import socket
from collections.abc import Iterable, Iterator

import zmq

from protocol import limits

LONGEST_PATH = 107
"""Bytes of a unix socket's path, by unix(7)."""

# As plain integers: the enumerations of pyzmq cost more than the calls they are for.
_EVENTS, _POLLIN, _NOBLOCK = int(zmq.EVENTS), int(zmq.POLLIN), int(zmq.NOBLOCK)
_MORE = int(zmq.SNDMORE) | _NOBLOCK

_BACKLOG = 128  # connections that wait to be accepted, listen(2)

_LARGE = 64 * 1024
"""Above this many bytes a frame is handed to ZeroMQ without copying."""


class ZmqRouter:
    """A `Transport` over ZeroMQ's ipc."""

    def __init__(self, path: str) -> None:
        """Bind at `path`.  Raises OSError where that is not possible."""
        if len(os.fsencode(path)) > LONGEST_PATH:
            raise OSError(f"the socket path {path} is longer than {LONGEST_PATH} bytes")
        self.uri = f"ipc://{path}"
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._socket.setsockopt(zmq.MAXMSGSIZE, limits.PARTICIPANT_FRAME_BYTES)
        self._socket.setsockopt(zmq.SNDHWM, limits.FRAMES_QUEUED)
        self._socket.setsockopt(zmq.RCVHWM, limits.FRAMES_QUEUED)
        self._socket.setsockopt(zmq.LINGER, 500)
        try:
            self._socket.setsockopt(zmq.USE_FD, _listener(path))
            self._socket.bind(self.uri)
        except (OSError, zmq.ZMQError) as error:
            ZmqRouter.close(self)
            raise OSError(error.errno, f"cannot bind {self.uri}: {error.strerror}") from error
        self._descriptor = int(self._socket.getsockopt(zmq.FD))

    def descriptors(self) -> tuple[int, ...]:
        return (self._descriptor,)

    @property
    def ready(self) -> bool:
        """ZMQ_FD is edge-triggered, and alone does not tell (zmq_getsockopt(3))."""
        return bool(int(self._socket.getsockopt(_EVENTS)) & _POLLIN)

    def receive(self, most: int) -> Iterator[tuple[bytes, bytes]]:
        receive = self._socket.recv
        for _ in range(most):
            try:
                peer = receive(_NOBLOCK)  # a ROUTER puts it before whatever was sent
            except zmq.Again:
                return
            frame, parts = receive(_NOBLOCK, copy=False), 1
            while frame.more:
                frame = receive(_NOBLOCK, copy=False)
                parts += 1
            yield peer, frame.bytes if parts == 1 else b""

    def send(self, peers: Iterable[bytes], frame: bytes) -> list[bytes]:
        lost = []
        send, copy = self._socket.send, len(frame) < _LARGE
        for peer in peers:
            try:
                send(peer, _MORE)
                send(frame, _NOBLOCK, copy)
            except zmq.ZMQError:
                lost.append(peer)
        return lost

    def close(self) -> None:
        """Send what is under way for LINGER's half second, and close."""
        self._socket.close()
        self._context.term()


def _listener(path: str) -> int:
    """A listening socket at `path`, for ZeroMQ to have.  Raises OSError."""
    before = os.umask(0o177)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener.detach()
