# SPDX-License-Identifier: LGPL-3.0-or-later
"""A connection to the local broker of a Flux instance: requests, answers, services, streams.

What its bindings make easy to get wrong is dealt with once, here (flux-core 0.88): a deadline
counts from the reactor's cached clock, which is stale after any work; the callback of a request
that was late is called again when the answer comes; a request that was sent to a client that dies
is never answered; and of a request whose sending finds its broker dead there is no word either.
So there is a deadline for everything, and who is gone is learnt from groups, not from errors.
"""

import json
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from fluxcore.bindings import load
from protocol import limits

_PREFIXES = ["flux_rpc_", "flux_future_"]  # the bindings want the same for all futures
_GUESTS = 0x2  # FLUX_ROLE_USER (RFC 12): others than the instance's owner may call


class Failure(NamedTuple):
    """Takes the place of an answer; `number` as in errno(3)."""

    number: int
    text: str


class Request:
    """A request to a service of ours; kept as long as it is to be answered."""

    def __init__(self, flux: "Flux", message: Any) -> None:
        self._flux = flux
        self._message = message
        self.topic: str = message.topic
        self.userid: int = message.userid

    @property
    def sender(self) -> str:
        """The connection that it came by: the same for all requests of one client."""
        return str(self._flux.raw.flux_msg_route_first(self._message.handle))

    @property
    def text(self) -> str | None:
        """The payload, JSON text; None where there is none."""
        text: str | None = self._message.payload_str
        return text

    @property
    def data(self) -> bytes:
        """The payload as bytes."""
        ffi = self._flux.ffi
        topic, data, size = ffi.new("char *[1]"), ffi.new("void *[1]"), ffi.new("size_t [1]")
        self._flux.raw.flux_request_decode_raw(self._message.handle, topic, data, size)
        return bytes(ffi.buffer(data[0], size[0])) if data[0] != ffi.NULL else b""

    @property
    def is_streaming(self) -> bool:
        """Whether its sender waits for one answer after the other."""
        return bool(self._flux.raw.flux_msg_is_streaming(self._message.handle))

    def ends(self, kept: "Request") -> bool:
        """Whether this is the disconnect of the client that sent `kept`."""
        mine, its = self._message.handle, kept._message.handle
        return bool(self._flux.raw.flux_disconnect_match(mine, its))

    def answer(self, payload: Any = None) -> None:
        """Answer; text is taken for JSON that is encoded already."""
        self._flux.handle.respond(self._message, payload)

    def refuse(self, number: int, text: str) -> None:
        """Answer with an error; `text` may have several lines."""
        self._flux.handle.respond_error(self._message, number, text)


class OwnRequest(Request):
    """One that this process makes of itself: it goes by no broker."""

    def __init__(self, topic: str, data: bytes, then: Callable[[Any], None]) -> None:
        self.topic = topic
        self._data = data
        self._then = then

    @property
    def data(self) -> bytes:
        """The payload."""
        return self._data

    def answer(self, payload: Any = None) -> None:  # noqa: ARG002
        """Answer that it was taken."""
        self._then(b"")

    def refuse(self, number: int, text: str) -> None:
        """Answer with an error."""
        self._then(Failure(number, text))


class Flux:
    """A handle.  It belongs to one thread, and its callbacks come in that thread's reactor."""

    def __init__(self, uri: str | None = None) -> None:
        """Connect, by default to FLUX_URI.  Raises NoFlux, and OSError where nobody answers."""
        flux, inner = load("flux"), load("flux.core.inner")
        self.constants = load("flux.constants")
        self.raw, self.ffi = inner.raw, inner.ffi
        self._future = load("flux.future").Future
        self.idset = load("flux.idset").IDset
        self.handle: Any = flux.Flux(uri) if uri else flux.Flux()
        self.rank: int = self.handle.get_rank()
        self.size = int(self.attribute("size") or 1)
        self._watchers: list[Any] = []  # one that is not referenced is destroyed
        self._raw: dict[str, Callable[[Request], None]] = {}
        self._own: deque[Callable[[], None]] = deque()
        """What this process has asked of itself."""
        self.is_driven = False
        """Whether a loop calls `turn`."""
        self._clock_is_new = False

    def attribute(self, name: str) -> str | None:
        """An attribute of the broker; None where it has none of that name."""
        try:
            value: str | None = self.handle.attr_get(name)
        except OSError:
            return None
        return value

    # Requests

    def call(
        self,
        topic: str,
        payload: Any = None,
        rank: int | None = None,
        seconds: float = limits.FLUX_CALL_SECONDS,
    ) -> Any:
        """The answer, waited for: only of what answers at once.

        Raises OSError, of which TimeoutError is one.
        """
        where = {} if rank is None else {"nodeid": rank}
        future = self.handle.rpc(topic, payload, **where)
        future.wait_for(seconds)
        return future.get()

    def ask(
        self,
        topic: str,
        payload: Any,
        then: Callable[[Any], None],
        rank: int | None = None,
        seconds: float = -1.0,
    ) -> None:
        """Send a request; `then(answer or Failure)` follows once, in the reactor.

        `payload` is JSON text or what can be made that; `rank` None is the local broker, or the
        nearest one upstream that has the service.  Without `seconds` it may wait for ever.
        """
        where = {} if rank is None else {"nodeid": rank}
        try:
            future = self.handle.rpc(topic, payload, **where)
        except OSError as error:
            then(Failure(error.errno or 0, error.strerror or str(error)))
            return
        self._then(future, lambda answered: answered.get(), then, seconds)

    def ask_raw(
        self,
        topic: str,
        data: bytes,
        then: Callable[[Any], None],
        rank: int,
        seconds: float = -1.0,
    ) -> None:
        """The same with bytes, which are not looked into; the answer is bytes or Failure.

        What this process serves itself it takes in the next turn of its loop.
        """
        own = rank == self.rank and self.is_driven
        handler = self._raw.get(topic) if own else None
        if handler is not None:
            self._own.append(partial(handler, OwnRequest(topic, data, then)))
            return
        buffer = self.ffi.from_buffer(data)
        sent = self.raw.flux_rpc_raw(self.handle.handle, topic.encode(), buffer, len(data), rank, 0)
        future = self.future(sent)
        self._then(future, self._bytes, then, seconds)

    def turn(self) -> None:
        """Called in each turn of the loop, before it waits."""
        self._clock_is_new = False
        for _turn in range(len(self._own)):
            self._own.popleft()()

    @property
    def has_more(self) -> bool:
        """Whether there is something to do, so that the loop must not wait."""
        return bool(self._own)

    def future(self, made: Any) -> Any:
        """The bindings' own object around a flux_future_t, which goes with it."""
        return self._future(made, prefixes=_PREFIXES)

    def watch_future(self, future: Any, then: Callable[[Any], None], seconds: float) -> None:
        """Have `then` called once, when this future of ours is ready, or after `seconds`."""
        self._then(future, lambda _: None, then, seconds)

    def _bytes(self, future: Any) -> bytes:
        data, size = self.ffi.new("void *[1]"), self.ffi.new("size_t [1]")
        future.pimpl.flux_rpc_get_raw(data, size)
        return bytes(self.ffi.buffer(data[0], size[0])) if data[0] != self.ffi.NULL else b""

    def _then(
        self,
        future: Any,
        read: Callable[[Any], Any],
        then: Callable[[Any], None],
        seconds: float,
    ) -> None:
        called = False

        def once(answered: Any, _: Any = None) -> None:
            nonlocal called
            if called:  # the answer that was late has come
                return
            called = True
            then(_result(answered, read))

        if seconds > 0:
            self.update_clock()
            future.then(once, None, timeout=seconds)
        else:
            future.then(once, None)

    def update_clock(self) -> None:
        """Deadlines that are set after this count from now, or from earlier in this turn."""
        if self._clock_is_new:
            return
        self._clock_is_new = self.is_driven
        self.raw.flux_reactor_now_update(self.raw.flux_get_reactor(self.handle.handle))

    def stream(
        self, topic: str, payload: Any, each: Callable[[Any], None], rank: int | None = None
    ) -> None:
        """Have `each(answer)` called again and again, and at the end `each(Failure)`."""
        where = {} if rank is None else {"nodeid": rank}
        flags = self.constants.FLUX_RPC_STREAMING
        future = self.handle.rpc(topic, payload, flags=flags, **where)

        def answered(future: Any, _: Any = None) -> None:
            result = _result(future, lambda found: found.get())
            if not isinstance(result, Failure):
                future.reset()
            each(result)

        future.then(answered, None)

    def watch_group(self, name: str, changed: Callable[[frozenset[int]], None]) -> None:
        """Have `changed` called with the ranks of a broker group, now and at every change."""

        def each(answer: Any) -> None:
            if not isinstance(answer, Failure):
                changed(frozenset(self.idset(answer["members"])))

        self.stream("groups.get", {"name": name}, each, rank=0)

    # Services

    def serve(self, topic: str, handler: Callable[[Request], None], guests: bool = False) -> None:
        """Have requests for `topic` handled; `guests`: those of other users, too."""

        def received(_handle: Any, _watcher: Any, message: Any, _argument: Any) -> None:
            handler(Request(self, message))

        kind = self.constants.FLUX_MSGTYPE_REQUEST
        role = {"rolemask": _GUESTS} if guests else {}
        watcher = self.handle.msg_watcher_create(received, kind, topic, **role)
        watcher.start()
        self._watchers.append(watcher)

    def serve_raw(self, topic: str, handler: Callable[[Request], None]) -> None:
        """The same for what is asked by `ask_raw`; the answer says only that it was taken."""
        self._raw[topic] = handler
        self.serve(topic, handler)

    def add_service(self, name: str) -> None:
        """Be the one who gets the requests for `name` here.  Raises OSError (EEXIST: taken)."""
        self.call("service.add", {"service": name})

    def remove_service(self, name: str) -> None:
        """Be it no longer."""
        self.call("service.remove", {"service": name})


def _result(future: Any, read: Callable[[Any], Any]) -> Any:
    try:
        return read(future)
    except OSError as error:
        return Failure(error.errno or 0, error.strerror or str(error))


def parsed(text: str | None) -> Any:
    """The payload of a request.  Raises ValueError where it is no JSON."""
    return json.loads(text) if text else {}
