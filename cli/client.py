"""A client's side of the door: one JSON object a line, each way, on a unix stream socket."""

import json
import os
import socket
import sys
from typing import Any

READ_SECONDS = 10.0
"""How long a reading request may take before the broker is taken for stuck."""


class Trouble(Exception):
    """The command cannot be carried out; the text says why."""


class Unanswered(Trouble):
    """The broker got the request and did not answer: nobody knows here what became of it."""


class Client:
    """A connection to the broker at FLUX_URI."""

    def __init__(self, uri: str | None = None) -> None:
        """Raises Trouble where there is no broker to talk to."""
        self.uri = os.environ.get("FLUX_URI", "") if uri is None else uri
        if not self.uri:
            raise Trouble("FLUX_URI is not set: no broker to talk to (`flux start` runs one)")
        if not self.uri.startswith("local://"):
            raise Trouble(f"FLUX_URI={self.uri}: only local:// is understood")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(self.uri.removeprefix("local://"))
        except OSError as error:
            raise Trouble(f"cannot reach the broker at {self.uri}: {error.strerror}") from None

    def ask(self, op: str, seconds: float = READ_SECONDS, **fields: Any) -> dict[str, Any]:
        """The answer to one request.  Raises Trouble for an error, Unanswered after `seconds`."""
        request = json.dumps({"op": op, **fields}).encode() + b"\n"
        self._socket.settimeout(seconds)
        try:
            self._socket.sendall(request)
            line = self._line()
        except TimeoutError:
            raise Unanswered(f"the broker did not answer within {seconds:g} s") from None
        except OSError as error:
            raise Unanswered(f"lost the broker: {error.strerror}") from None
        if not line:
            raise Unanswered("the broker went away before it answered")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise Trouble(str(answer["error"]))
        return answer

    def _line(self) -> bytes:
        parts = []
        while data := self._socket.recv(1 << 18):
            parts.append(data)
            if data.endswith(b"\n"):
                break
        return b"".join(parts)


def complain(command: str, text: str) -> None:
    """A line on stderr, under the command's name."""
    print(f"flux-{command}: {text}", file=sys.stderr)
