# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who has a place at the participants' socket, with connections that speak and that do not."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from coordinator.transport.zmtp import GREETING, header
from coordinator.transport.zmtp_router import ZmtpRouter
from protocol import limits

PLACES = 2


@pytest.fixture
def router() -> Iterator[ZmtpRouter]:
    """One with two places."""
    with tempfile.TemporaryDirectory(prefix="flux-test-") as directory:
        router = ZmtpRouter(f"{directory}/modules", lambda: PLACES)
        yield router
        router.close()


def connect(router: ZmtpRouter, stack: ExitStack, says: bytes = b"") -> socket.socket:
    sock = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    sock.settimeout(10)
    sock.connect(router.uri.removeprefix("ipc://"))
    sock.sendall(GREETING + (header(len(says)) + says if says else b""))
    return sock


def received(router: ZmtpRouter) -> list[tuple[bytes, bytes]]:
    """All that there is now: whether the sender has a place (b"" if so), and what it said."""
    got = []
    for _ in range(4):  # accept, greet, read
        got += [
            (router.no_place_for(peer, "").encode(), frame) for peer, frame in router.receive(10)
        ]
    return got


def test_silent_connections_make_room(router: ZmtpRouter, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as stack:
        for _ in range(PLACES):
            connect(router, stack)
        assert received(router) == []
        connect(router, stack, b"early")
        ((no_place, said),) = received(router)
        assert said == b"early"
        assert b"all are taken" in no_place, "they may still be about to speak"
        monkeypatch.setattr(limits, "SILENT_CONNECTION_SECONDS", 0.0)
        connect(router, stack, b"late")
        assert received(router) == [(b"", b"late")]


def test_whoever_has_spoken_stays(router: ZmtpRouter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SILENT_CONNECTION_SECONDS", 0.0)
    with ExitStack() as stack:
        for _ in range(PLACES):
            connect(router, stack, b"here")
            assert received(router) == [(b"", b"here")]
        connect(router, stack, b"late")
        ((no_place, said),) = received(router)
        assert said == b"late"
        assert no_place != b""
