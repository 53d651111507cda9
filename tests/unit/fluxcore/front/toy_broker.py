# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a front asks of Flux, over a socket: a name, requests, and an end; real processes around it.

Like Flux's, this broker never answers a request that was given to a client that has died.
"""

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from fluxcore.front.channel import Channel, Gone


class ToyRequest:
    """A request at the front's end."""

    def __init__(self, channel: Channel, fields: dict[str, Any], texts: list[str]) -> None:
        self._channel = channel
        self._number: int = fields["number"]
        self.topic: str = fields["topic"]
        self.sender = f"client {self._number}"
        self.userid, self.from_owner, self.streaming = 0, True, False
        self.text = texts[0] if texts else None

    def answer(self, text: str | None = None) -> None:
        """Answer."""
        self._channel.send({"number": self._number, "errno": 0}, text or "")

    def refuse(self, number: int, text: str) -> None:
        """Answer with an error."""
        self._channel.send({"number": self._number, "errno": number}, text)

    def ends(self, _kept: Any) -> bool:
        """Nobody disconnects here."""
        return False


class ToyConnection:
    """What `fluxcore.front.process.BrokerLink` asks for."""

    def __init__(self, path: str) -> None:
        """Raises OSError."""
        connected = socket.socket(socket.AF_UNIX)
        connected.connect(path)
        self._channel = Channel(connected)
        self._early: list[tuple[dict[str, Any], list[str]]] = []

    def fileno(self) -> int:
        """The descriptor, to wait for."""
        return self._channel.fileno()

    def receive(self) -> Iterator[ToyRequest]:
        """All requests that have come.  Raises OSError when the broker is gone."""
        try:
            messages = [*self._early, *self._channel.receive()]
        except Gone as gone:
            raise ConnectionResetError from gone
        self._early = []
        for fields, texts in messages:
            yield ToyRequest(self._channel, fields, texts)

    def take_name(self) -> None:
        """Be who serves."""
        self._call("take")

    def give_name_back(self) -> None:
        """Be it no longer."""
        self._call("give")

    def _call(self, op: str) -> None:
        self._channel.send({"op": op})
        while select.select([self._channel], [], [], 10)[0]:
            came = self._channel.receive()
            self._early += [message for message in came if "op" not in message[0]]
            if any("op" in fields for fields, _ in came):
                return


class ToyBroker:
    """Runs in a thread of the test."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        self._clients: list[Channel] = []
        self.holder: Channel | None = None
        """Who has the name."""
        self._answers: dict[int, tuple[int, str]] = {}
        self._count = 0
        self._over = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._over:
            sources: list[socket.socket | Channel] = [self._listener, *self._clients]
            ready, _, _ = select.select(sources, [], [], 0.01)
            with self._lock:
                for source in ready:
                    if isinstance(source, Channel):
                        self._hear(source)
                    else:
                        self._clients.append(Channel(source.accept()[0]))
        for channel in self._clients:
            channel.close()
        self._listener.close()

    def _hear(self, channel: Channel) -> None:
        try:
            messages = channel.receive()
        except Gone:
            self._clients.remove(channel)
            self.holder = None if self.holder is channel else self.holder
            return
        for fields, texts in messages:
            if "op" in fields:
                self.holder = channel if fields["op"] == "take" else None
                channel.send({"op": "done"})
            else:
                self._answers[fields["number"]] = fields["errno"], texts[0]

    def request(self, method: str, text: str = "") -> int:
        """Send a request to whoever has the name; its number, 0 where there is nobody."""
        with self._lock:
            if self.holder is None:
                return 0
            self._count += 1
            self.holder.send({"number": self._count, "topic": f"config.{method}"}, text)
            return self._count

    def answer(self, number: int) -> tuple[int, str] | None:
        """What has been answered to it, errno and text."""
        with self._lock:
            return self._answers.get(number)

    def close(self) -> None:
        """The end of the broker."""
        self._over = True
        self._thread.join()
        with suppress(FileNotFoundError):
            Path(self.path).unlink()
