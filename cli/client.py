# SPDX-License-Identifier: LGPL-3.0-or-later
"""The clients' end of the socket (docs/socket.md): one JSON object a line, each way."""

from __future__ import annotations

import json
import os
import select
import socket

from cli import naming, streams
from cli.real_flux import BUILT_IN_URI

TYPE_CHECKING = False  # as typing has it, whose import takes as long as that of json
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

READ_SECONDS = 10.0
"""How long a reading request may take before the broker is taken for stuck."""
SLACK_SECONDS = 5.0
"""How long beyond the time that a request allows, before the broker is taken for stuck."""
_VERSION = 1
"""Of the answers' shapes: docs/socket.md."""


class Trouble(Exception):
    """The command cannot be carried out; the text says why."""

    def __init__(
        self, why: str, code: str = "bad-request", reasons: Sequence[dict[str, Any]] = ()
    ) -> None:
        """`code` is one of protocol/reason_code.py, whose import would take too long here.

        `reasons` are those that `why` tells, in the shape that `--json` shows.
        """
        super().__init__(why)
        self.code = code
        self.reasons = list(reasons)


class Unanswered(Trouble):
    """The broker got the request and did not answer: nobody knows here what became of it."""

    def __init__(self, why: str) -> None:
        super().__init__(why, "no-answer")


_ANOTHERS = "what answers there is no broker of flux-accord"
_REAL_FLUX = (
    "a broker of flux-core answers there, without an agent of flux-accord; `flux accord up` starts "
    "one on every rank"
)


class Client:
    """A connection to the broker at FLUX_URI, by default in the built-in run directory."""

    def __init__(self, uri: str | None = None) -> None:
        """Raises Trouble where there is no broker to talk to."""
        self.uri = (os.environ.get("FLUX_URI") or BUILT_IN_URI) if uri is None else uri
        if not self.uri.startswith("local://"):
            raise Trouble(f"FLUX_URI={self.uri}: only local:// is understood", "no-broker")
        self._parts: list[bytes] = []
        self._last = b""
        self._heard = False
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(_door_beside(self.uri.removeprefix("local://")))
        except OSError as error:
            named = uri is not None or os.environ.get("FLUX_URI")
            hint = "" if named else "; FLUX_URI is not set (`flux start` runs a broker)"
            told = error.strerror or error  # a path that is too long has no errno
            why = f"cannot reach the broker at {self.uri}: {told}{hint}"
            raise Trouble(why, "no-broker") from None

    def ask(self, op: str, seconds: float = READ_SECONDS, **fields: Any) -> dict[str, Any]:
        """The answer to one request.  Raises Trouble for an error, Unanswered after `seconds`."""
        self.send(op, seconds, **fields)
        answer = self.receive(seconds)
        if answer is None:
            raise Unanswered(f"the broker did not answer within {seconds:g} s")
        return answer

    def send(self, op: str, seconds: float = READ_SECONDS, **fields: Any) -> None:
        """Send a request.  Raises Unanswered where the broker does not take it."""
        self._socket.settimeout(seconds)
        try:
            self._socket.sendall(json.dumps({"op": op, **fields}).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # it hung up, and has probably said why: that is to be read
        except TimeoutError:
            raise Unanswered(f"the broker took no request within {seconds:g} s") from None
        except OSError as error:
            raise Unanswered(f"lost the broker: {error.strerror}") from None

    def receive(self, seconds: float | None) -> dict[str, Any] | None:
        """The next answer; None where there is none (yet) after `seconds`, which may be for ever.

        Raises Trouble where the answer is an error, Unanswered where the broker is gone.
        """
        self._socket.settimeout(seconds)
        try:
            line = self._line()
        except TimeoutError:
            return None
        except OSError as error:
            raise Unanswered(f"lost the broker: {error.strerror}") from None
        if line is None:
            raise Unanswered("the broker went away before it answered")
        answer = self._parsed(line)
        if "error" in answer:
            code, reasons = answer.get("code", "bad-request"), answer.get("reasons", ())
            raise Trouble(str(answer["error"]), code, reasons)
        return answer

    def _parsed(self, line: bytes) -> dict[str, Any]:
        """An answer of ours: each has a version.  Raises Trouble for any other JSON, and none."""
        try:
            answer: dict[str, Any] = json.loads(line)
        except (ValueError, RecursionError):
            answer = {}
        if answer.get("version") != _VERSION:
            raise Trouble(f"{self.uri}: {_ANOTHERS}", "not-flux-accord")
        return answer

    def close(self) -> None:
        """Hang up: what is undecided is withdrawn."""
        self._socket.close()

    def wait(self, other: int) -> bool:
        """Wait for something to receive.  Returns False if nobody reads descriptor `other`.

        Of a pipe or a terminal poll(2) tells, without being asked to, when its reader is gone.
        """
        if b"\n" in self._last:
            return True
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        poll.register(other, 0)
        return all(descriptor != other for descriptor, _ in poll.poll())

    def _recognise(self, first: bytes) -> None:
        """Ours begin with a brace.  Raises Trouble for anybody else: nothing was understood.

        flux-core's local connector begins with one byte, 0 or why the user is not let in, before
        any message (src/common/librouter/usock.c; RFC 3 is what follows).
        """
        if first == b"{":
            return
        real = first < b" "
        raise Trouble(f"{self.uri}: {_REAL_FLUX if real else _ANOTHERS}", "not-flux-accord")

    def _line(self) -> bytes | None:
        """The next whole line; what has come of it already outlives a TimeoutError."""
        while b"\n" not in self._last:
            data = self._socket.recv(1 << 18)
            if not data:
                return None
            if not self._heard:
                self._heard = True
                self._recognise(data[:1])
            self._parts.append(self._last)
            self._last = data
        end, _, self._last = self._last.partition(b"\n")
        line = b"".join((*self._parts, end))
        self._parts.clear()
        return line


def _door_beside(path: str) -> str:
    """The socket of the agent that serves a broker of flux-core; `path` itself where none does."""
    beside = f"{path}.accord/local"
    return beside if os.path.exists(beside) else path


def complain(command: str, text: str) -> None:
    """A line on stderr, under the command's name."""
    streams.complain(f"flux-{command}: {naming.hints(text)}")
