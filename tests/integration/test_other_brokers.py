# SPDX-License-Identifier: LGPL-3.0-or-later
"""Somebody else at the other end of FLUX_URI is recognised: nothing was understood or changed.

The peer of the first test does what the local connector of flux-core does: accept, send one byte (0
for a user who is let in, else an error number), and read messages (RFC 3).
"""

import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.client_calls import FLUX


@contextmanager
def peer(greeting: bytes, hang_up: bool = False) -> Iterator[str]:
    """The URI of somebody who greets everybody, and reads."""
    with tempfile.TemporaryDirectory(prefix="flux-peer-") as directory:
        path = Path(directory) / "local"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(path))
            listener.listen()

            def serve() -> None:
                while True:
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        return
                    with connection, suppress(OSError):  # some look whether anybody is there
                        connection.sendall(greeting)
                        while connection.recv(65536) and not hang_up:
                            pass

            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            yield f"local://{path}"
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(30)


def flux(uri: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*FLUX, *arguments], env={**os.environ, "FLUX_URI": uri}, text=True,
                          capture_output=True, timeout=60, stdin=subprocess.DEVNULL)  # fmt: skip


COMMANDS = [
    ("config", "set", "a", "1"),
    ("config", "reload"),
    ("config", "load"),
    ("config", "get"),
    ("module", "list"),
    ("module", "load", "heartbeat"),
    ("getattr", "rank"),
]


@pytest.mark.parametrize("hang_up", [False, True])
@pytest.mark.parametrize("greeting", [b"\0", b"\1"])
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_real_flux_is_named(arguments: tuple[str], greeting: bytes, hang_up: bool) -> None:
    with peer(greeting, hang_up=hang_up) as uri:
        done = flux(uri, *arguments)
    assert done.returncode == 1, done.stderr
    assert "a broker of flux-core answers there" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "greeting", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"{nonsense}\n", b"{}[]\n"]
)
def test_somebody_else_is_no_broker_either(greeting: bytes) -> None:
    with peer(greeting) as uri:
        done = flux(uri, "config", "set", "a", "1")
    assert done.returncode == 1, done.stderr
    assert "no broker of flux-accord" in done.stderr
    assert "Traceback" not in done.stderr


OTHER_JSON = {
    "empty": b"{}\n",
    "status": b'{"status":"x"}\n',
    "version": b'{"version":"1"}\n',
    "deep": b'{"a":' + b"[" * 100_000 + b"\n",
}


@pytest.mark.parametrize("greeting", OTHER_JSON.values(), ids=OTHER_JSON)
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_json_of_somebody_else_is_no_answer(arguments: tuple[str], greeting: bytes) -> None:
    with peer(greeting) as uri:
        done = flux(uri, *arguments)
    assert done.returncode == 1, done.stderr
    assert "no broker of flux-accord" in done.stderr
    assert "Traceback" not in done.stderr
