# SPDX-License-Identifier: LGPL-3.0-or-later
"""The connection of one participant: a ZeroMQ DEALER that knows when it is up and when it is not.

Joining again after a cut is the participant's business, so the cut must be seen.  The socket's
monitor (zmq_socket_monitor(3)) tells.  After a cut the socket is made anew: nothing that was said
to a former coordinator is left in it to reach the next one.
"""

from contextlib import suppress
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

from participant.transport.interface import LinkEvent
from protocol import limits

# As plain integers: the enumerations of pyzmq cost more than the calls they are for.
_EVENTS, _POLLIN, _NOBLOCK = int(zmq.EVENTS), int(zmq.POLLIN), int(zmq.NOBLOCK)

_SOCKETS = 16384  # three for each link

_FIRST_RETRY, _LONGEST_RETRY = 50, 1000  # milliseconds between attempts to connect


class _SharedContext(zmq.Context[zmq.Socket[bytes]]):
    """One for all attachments of a process, and not the one that its own sockets may use."""


def _shared() -> zmq.Context[zmq.Socket[bytes]]:
    context = _SharedContext.instance()
    with suppress(zmq.ZMQError):  # only before its first socket; whoever is first does it
        context.set(zmq.MAX_SOCKETS, _SOCKETS)
    return context


class ZmqDealer:
    """A ParticipantTransport over ZeroMQ.  For use in one thread."""

    def __init__(self, uri: str, shared: bool = False) -> None:
        """Begin to connect to `uri`, an endpoint as in zmq_connect(3), such as `ipc://PATH`.

        `shared`: with the ZeroMQ threads that all links of this process share.
        """
        self._uri = uri
        self._shared = shared
        self._extra: list[int] = []
        self._context: zmq.Context[zmq.Socket[bytes]] = _shared() if shared else zmq.Context()
        self._open()

    def _open(self) -> None:
        self._up = self._cut = False
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, limits.FRAME_BYTES)
        self._socket.setsockopt(zmq.RECONNECT_IVL, _FIRST_RETRY)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, _LONGEST_RETRY)
        self._monitor = self._socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        )
        self._waited: list[tuple[Any, int]] = [(self._socket, _POLLIN), (self._monitor, _POLLIN)]
        self._waited += [(descriptor, _POLLIN) for descriptor in self._extra]
        self._socket.connect(self._uri)

    def watch(self, descriptor: int) -> None:
        """Let `wait` return when this descriptor is readable, too."""
        self._extra.append(descriptor)
        self._waited.append((descriptor, _POLLIN))

    def unwatch(self, descriptor: int) -> None:
        """Watch this one no more."""
        self._extra.remove(descriptor)
        self._waited.remove((descriptor, _POLLIN))

    def wait(self, seconds: float | None) -> LinkEvent | bytes | None:
        """The next thing that happens; None where nothing does within `seconds` (None: ever)."""
        if self._cut:
            return self._last_words()
        milliseconds = -1 if seconds is None else int(seconds * 1000 + 0.999)
        ready = [source for source, _ in zmq.zmq_poll(self._waited, milliseconds)]
        if self._monitor in ready:
            return self._change()
        if self._up and self._socket in ready:
            return bytes(self._socket.recv(_NOBLOCK))
        return None

    def _change(self) -> LinkEvent | bytes | None:
        event = int(recv_monitor_message(self._monitor)["event"])
        if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._up = True
            return LinkEvent.UP
        if event == zmq.EVENT_DISCONNECTED and self._up:
            self._cut = True
            return self._last_words()
        return None

    def _last_words(self) -> LinkEvent | bytes:
        """What had arrived before the cut still counts."""
        if int(self._socket.getsockopt(_EVENTS)) & _POLLIN:
            return bytes(self._socket.recv(_NOBLOCK))
        self.reopen()
        return LinkEvent.DOWN

    def reopen(self) -> None:
        """Give the connection up and begin anew."""
        self.close_socket()
        self._open()

    def send(self, frame: bytes) -> None:
        """Send; what cannot be sent now is lost, and the cut that follows makes up for it."""
        try:
            self._socket.send(frame, _NOBLOCK)
        except zmq.Again:
            self.reopen()

    def close_socket(self, linger: int = 0) -> None:
        """Close; `linger` milliseconds for what is under way."""
        self._up = False
        self._socket.disable_monitor()
        self._monitor.close(0)
        self._socket.close(linger)

    def close(self) -> None:
        """Say what is still to be said, for at most half a second, and close for good."""
        self.close_socket(500)
        if not self._shared:
            self._context.term()
