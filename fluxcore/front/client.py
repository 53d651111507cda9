# SPDX-License-Identifier: LGPL-3.0-or-later
"""The agent's end: it calls on the front of its rank, and on the next one when that dies.

What is in force is told and waited for: when a rank says that it has applied something, whoever
reads `config.get` there has to be told that already.
"""

import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from fluxcore.front.channel import Channel, Gone, Message
from fluxcore.front.door import address
from protocol import limits

_READ, _WRITE = 1, 2  # selectors.EVENT_READ, EVENT_WRITE
_RETRY_SECONDS = 0.02
_PATIENCE_SECONDS = 1.0


class Reactor(Protocol):
    """What is asked of the loop."""

    def now(self) -> float:
        """Seconds of a clock that never goes back."""

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        """Call back once, then."""

    def register(self, source: Any, events: int, ready: Callable[[int], object]) -> None:
        """Call back when the descriptor is ready."""

    def unregister(self, source: Any) -> None:
        """No longer."""


class NoFront(Exception):
    """There is no front, and none came."""


class FrontLink:
    """Callbacks come from the loop: `asked(fields, texts)`, `withdrawn(txid)`."""

    def __init__(self, directory: str, loop: Reactor, start_front: Callable[[], None]) -> None:
        """`start_front` is called where front and standby have both died."""
        self._address = address(directory)
        self._loop = loop
        self._start_front = start_front
        self._channel: Channel | None = None
        self._front = 0
        self._is_heard = False
        """Whether this front has kept something already."""
        self._arrived: list[Message] = []
        self._published: tuple[str, int] | None = None
        self._closed = False
        self.asked: Callable[[dict[str, Any], list[str]], None] = _nothing_asked
        self.withdrawn: Callable[[str], None] = _nothing

    # The connection

    def connect(self) -> None:
        """Call on the front.  Raises NoFront."""
        start_at = time.monotonic() + _PATIENCE_SECONDS
        end = time.monotonic() + limits.FLUX_CALL_SECONDS
        while not self._try():
            now = time.monotonic()
            if now > end:
                raise NoFront("no front serves this rank, and none can be started")
            if now > start_at:
                self._start_front()
                start_at = end + 1.0
            time.sleep(_RETRY_SECONDS)

    def _try(self) -> bool:
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connected.connect(self._address)
        except OSError:
            connected.close()
            return False
        self._channel, self._is_heard = Channel(connected), False
        self._channel.send({"op": "agent"})
        self._loop.register(self._channel, _READ, self._ready)
        return True

    def _ready(self, _events: int) -> None:
        if self._channel is None:
            return
        try:
            self._arrived += self._channel.receive()
        except (Gone, ValueError):
            self._again()
        self._handle()

    def _again(self) -> None:
        """The front is dead: go to the next one, and tell it what is in force."""
        self._drop()
        self.connect()
        if self._published is not None:
            self.publish(*self._published)

    def _drop(self) -> None:
        if self._channel is not None:
            self._loop.unregister(self._channel)
            self._channel.close()
            self._channel = None

    def _handle(self) -> None:
        while self._arrived:
            fields, texts = self._arrived.pop(0)
            if fields["op"] == "change":
                self.asked(fields, texts)
            elif fields["op"] == "withdraw":
                self.withdrawn(fields["txid"])
            elif fields["op"] == "front":
                self._front = fields["pid"]
            elif fields["op"] == "ping" and self._channel is not None:
                self._channel.send({"op": "pong"})

    # What the agent says

    def publish(self, text: str, generation: int) -> bool:
        """Have everybody told this from now on, by a front that takes the name if it has it not.

        True where it has taken it from Flux.  Raises NoFront.
        """
        self._published = text, generation
        for _ in range(3):
            try:
                return self._published_by_front(text, generation)
            except TimeoutError:
                with suppress(OSError):  # it hangs, and so would whoever asks it
                    os.kill(self._front, signal.SIGKILL) if self._front else None
            except Gone:
                pass
            self._drop()
            self.connect()
        raise NoFront("the fronts of this rank die one after the other")

    def _published_by_front(self, text: str, generation: int) -> bool:
        channel = self._channel
        if channel is None:
            raise Gone
        channel.send({"op": "in-force", "generation": generation}, text)
        channel.flush_now(limits.FRONT_CALL_SECONDS)
        first = 0.0 if self._is_heard else limits.FLUX_CALL_SECONDS  # it may have to take the name
        end = time.monotonic() + limits.FRONT_CALL_SECONDS + first
        while True:
            for index, (fields, _) in enumerate(self._arrived):
                if fields["op"] == "front":
                    self._front = fields["pid"]
                if fields["op"] == "kept":
                    del self._arrived[index]
                    self._is_heard = True
                    self._loop.call_at(self._loop.now(), self._handle)
                    if fields["errno"]:
                        why = os.strerror(fields["errno"])
                        raise NoFront(f"the name `config` could not be taken from Flux: {why}")
                    return bool(fields["taken"])
            if not select.select([channel], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError
            self._arrived += channel.receive()

    def answer(self, txid: str, number: int, text: str) -> None:
        """Tell what became of a change; 0 is well."""
        if self._channel is None:
            return
        self._channel.send({"op": "answer", "txid": txid, "errno": number}, text)
        with suppress(Gone, TimeoutError):
            self._channel.flush_now(limits.FRONT_CALL_SECONDS)

    def close(self) -> None:
        """Hang up."""
        self._drop()


def call_front(directory: str, op: str, seconds: float) -> dict[str, Any] | None:
    """Say something to the front, as a command does, and wait for its answer or its end.

    None where it has ended.  Raises OSError where there is none; TimeoutError is one.
    """
    connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connected.connect(address(directory))
    channel = Channel(connected)
    try:
        channel.send({"op": op})
        end = time.monotonic() + seconds
        while select.select([channel], [], [], max(0.0, end - time.monotonic()))[0]:
            for fields, _ in channel.receive():
                return fields
        raise TimeoutError
    except Gone:
        return None
    finally:
        channel.close()


def _nothing(_: Any) -> None:
    """Nobody has asked to be told yet."""


def _nothing_asked(_: dict[str, Any], __: list[str]) -> None:
    """Nobody has asked to be told yet."""
