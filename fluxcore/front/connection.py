# SPDX-License-Identifier: LGPL-3.0-or-later
"""flux-core without its reactor and without its Python classes: a third of the memory.

Only `_flux._core` is loaded, what flux-core's own bindings are made of: flux_recv(3),
flux_respond(3), flux_rpc(3), and flux_pollfd(3) to wait.
"""

import errno
import os
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from protocol import limits

_CONFIG = "config"
_OWNER = 0x1  # FLUX_ROLE_OWNER (RFC 12)
_LOOK_SECONDS = 0.001


def load_core() -> Any:
    """flux-core's library, for this process and those that are forked from it.

    Raises ImportError.
    """
    return import_module("_flux._core")


class Message:
    """A request, with what `fluxcore.front.desk.ServiceRequest` asks for."""

    def __init__(self, connection: "BrokerConnection", handle: Any) -> None:
        ffi, lib = connection.ffi, connection.lib
        self._connection = connection
        self.handle = ffi.gc(handle, lib.flux_msg_decref)
        text, number = ffi.new("char *[1]"), ffi.new("uint32_t *")
        lib.flux_msg_get_topic(self.handle, text)
        self.topic: str = ffi.string(text[0]).decode()
        lib.flux_msg_get_userid(self.handle, number)
        self.userid: int = number[0]
        lib.flux_msg_get_rolemask(self.handle, number)
        self.from_owner = bool(number[0] & _OWNER)
        first = lib.flux_msg_route_first(self.handle)
        self.sender: str = ffi.string(first).decode() if first != ffi.NULL else ""
        self.streaming = bool(lib.flux_msg_is_streaming(self.handle))

    @property
    def text(self) -> str | None:
        """The payload."""
        ffi = self._connection.ffi
        text = ffi.new("char *[1]")
        got = self._connection.lib.flux_msg_get_string(self.handle, text)
        return None if got < 0 or text[0] == ffi.NULL else ffi.string(text[0]).decode()

    def answer(self, text: str | None = None) -> None:
        """Answer; that the other end is gone is no matter."""
        ffi, lib = self._connection.ffi, self._connection.lib
        lib.flux_respond(self._connection.handle, self.handle,
                         ffi.NULL if text is None else text.encode())  # fmt: skip

    def refuse(self, number: int, text: str) -> None:
        """Answer with an error."""
        self._connection.lib.flux_respond_error(
            self._connection.handle, self.handle, number, text.encode()
        )

    def ends(self, kept: Any) -> bool:
        """Whether this is the disconnect of the client that sent `kept`."""
        return bool(self._connection.lib.flux_disconnect_match(self.handle, kept.handle))


class BrokerConnection:
    """To the local broker, from FLUX_URI.  Raises OSError where there is none."""

    def __init__(self) -> None:
        core = load_core()
        self.ffi, self.lib = core.ffi, core.lib
        self.handle = self.lib.flux_open(self.ffi.NULL, 0)
        if self.handle == self.ffi.NULL:
            raise self._error()
        self._any = self.ffi.new("struct flux_match *")
        self._any.typemask = self.lib.FLUX_MSGTYPE_ANY
        self._any.matchtag = self.lib.FLUX_MATCHTAG_NONE
        self._kind = self.ffi.new("int *")

    def _error(self) -> OSError:
        number = self.ffi.errno
        return OSError(number, os.strerror(number))

    def fileno(self) -> int:
        """The descriptor, to wait for; `receive` must have found nothing more before."""
        descriptor: int = self.lib.flux_pollfd(self.handle)
        return descriptor

    def receive(self) -> Iterator[Message]:
        """All requests that have come.  Raises OSError when the broker is gone."""
        while True:
            got = self.lib.flux_recv(self.handle, self._any[0], self.lib.FLUX_O_NONBLOCK)
            if got != self.ffi.NULL:
                self.lib.flux_msg_get_type(got, self._kind)
                if self._kind[0] == self.lib.FLUX_MSGTYPE_REQUEST:
                    yield Message(self, got)
                else:  # an answer that was late
                    self.lib.flux_msg_decref(got)
                continue
            if self.ffi.errno not in (errno.EAGAIN, errno.EWOULDBLOCK):
                raise self._error()
            # The descriptor is edge-triggered: what has come meanwhile is looked for here
            events = self.lib.flux_pollevents(self.handle)
            if events < 0 or events & self.lib.FLUX_POLLERR:
                raise OSError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
            if not events & self.lib.FLUX_POLLIN:
                return

    def _call(self, topic: str, text: str) -> None:
        """Wait for the answer.  Raises OSError."""
        future = self.lib.flux_rpc(
            self.handle, topic.encode(), text.encode(), self.lib.FLUX_NODEID_ANY, 0
        )
        if future == self.ffi.NULL:
            raise self._error()
        try:
            if (
                self.lib.flux_future_wait_for(future, limits.FLUX_CALL_SECONDS) < 0
                or self.lib.flux_future_get(future, self.ffi.NULL) < 0
            ):
                raise self._error()
        finally:
            self.lib.flux_future_destroy(future)

    def take_name(self) -> None:
        """Be who serves `config`, in place of Flux's module if that is there.  Raises OSError.

        Where a front has died, the broker may not have noticed yet.
        """
        end = time.monotonic() + limits.FRONT_CALL_SECONDS
        while True:
            try:
                self._call("service.add", f'{{"service": "{_CONFIG}"}}')
                return
            except FileExistsError:
                if time.monotonic() > end:
                    raise
            try:
                self._call("module.remove", f'{{"name": "{_CONFIG}"}}')
            except FileNotFoundError:  # no module, but somebody who may be gone
                time.sleep(_LOOK_SECONDS)

    def give_name_back(self) -> None:
        """Let Flux's module serve again; it starts with what its broker was told last."""
        self._call("service.remove", f'{{"service": "{_CONFIG}"}}')
        self._call("module.load", f'{{"path": "{_CONFIG}", "args": [], "exec": false}}')
