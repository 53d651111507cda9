# SPDX-License-Identifier: LGPL-3.0-or-later
"""Following what happens: who reads is told, who does not is not waited for."""

import json
import selectors
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from coordinator.api.connection import Connection
from coordinator.api.feeds import Feed
from coordinator.api.fields import Fields
from coordinator.api.server import ApiServer
from protocol import limits

LONG = "x" * 4096


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    def nothing(*_: object) -> None:
        return None

    made = ApiServer(str(tmp_path / "s"), selectors.DefaultSelector(), nothing, nothing, nothing)
    try:
        yield made
    finally:
        made.close()


def follower(server: ApiServer) -> tuple[Connection, socket.socket]:
    """A client and its end of the connection."""
    end = socket.socket(socket.AF_UNIX)
    end.connect(server.path)
    before = set(server.clients)
    server.accept(0)
    (number,) = set(server.clients) - before
    return server.clients[number], end


def lines(end: socket.socket) -> list[Fields]:
    """What has come so far."""
    end.setblocking(False)
    data = b""
    try:
        while more := end.recv(1 << 16):
            data += more
    except BlockingIOError:
        pass
    return [json.loads(line) for line in data.splitlines()]


def test_only_what_is_wanted_is_told(server: ApiServer) -> None:
    feed = Feed()
    feed.publish({"n": 0})  # nobody follows, and nobody could
    feed.open(server)
    client, end = follower(server)
    assert not feed.followed
    feed.add(client, lambda fields: fields if fields["n"] % 2 else None)
    for number in range(1, 4):
        feed.publish({"n": number})
    assert lines(end) == [
        {"version": 1, "result": "ok", "n": 1},
        {"version": 1, "result": "ok", "n": 3},
    ]
    assert feed.count() == 1
    server.drop(client)
    assert feed.count() == 0
    end.close()


def test_who_does_not_read_is_told_how_much_is_left_out(server: ApiServer) -> None:
    feed = Feed()
    feed.open(server)
    client, end = follower(server)
    feed.add(client, dict)
    published = 0
    while len(client.out) <= limits.ANSWERS_WAITING_BYTES:
        feed.publish({"n": published, "long": LONG})
        published += 1
    for _ in range(7):
        feed.publish({"n": -1, "long": LONG})
    waiting = len(client.out)
    told = lines(end)
    client.flush()
    told += lines(end)
    while client.out:
        client.flush()
        told += lines(end)
    assert waiting < limits.ANSWERS_WAITING_BYTES + 2 * len(LONG)
    feed.publish({"n": 99})
    told += lines(end)
    assert told[-2:] == [
        {"version": 1, "result": "ok", "lost": 7},
        {"version": 1, "result": "ok", "n": 99},
    ]
    end.close()
