# SPDX-License-Identifier: LGPL-3.0-or-later
"""The clients' socket when there are more clients than places or descriptors for them."""

import json
import os
import resource
import selectors
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from select import select
from typing import Any

import pytest

from cli.client import Client, Trouble
from coordinator.api.access import ClientRole
from coordinator.api.server import ApiServer
from protocol import limits
from tests.chaos import footprint
from tests.chaos.broker import ChaosBroker
from tests.support.patience import PATIENCE, until

TICKS = os.sysconf("SC_CLK_TCK")
NOBODY = 65534


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has taken so far (proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def connect(stack: ExitStack, path: str) -> socket.socket:
    """A connection on which nothing is asked."""
    sock = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    sock.connect(path)  # before there is a timeout, with which a full queue would be an error
    sock.settimeout(PATIENCE)
    return sock


def exhaust(broker: ChaosBroker, stack: ExitStack, clients: int) -> tuple[int, int]:
    """Let clients in, and leave the broker no descriptor for another; its pid and hard limit."""
    assert broker.process is not None
    pid, path = broker.process.pid, broker.uri.removeprefix("local://")
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    for _ in range(clients):
        client = connect(stack, path)
        client.sendall(b'{"op": "lsattr"}\n')
        assert client.recv(1), "it is in"
    taken = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    free = next(number for number in range(len(taken) + 1) if number not in taken)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (free, hard))
    return pid, hard


def test_out_of_descriptors(broker: ChaosBroker) -> None:
    """Who cannot be let in waits without cost, and is served when a descriptor is free."""
    broker.start(modules=("m",))
    with ExitStack() as stack:
        pid, hard = exhaust(broker, stack, clients=1)
        late, spent = Client(broker.uri), cpu_seconds(pid)
        late.send("lsattr")
        assert late.receive(2.0) is None, "it was let in, so descriptors were not exhausted"
        spent = cpu_seconds(pid) - spent
        print(f"out of descriptors for 2 s: {spent:.2f} s of processor time")
        assert spent < 0.4
    assert late.receive(PATIENCE) is not None
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
    broker.write()
    assert broker.reload()["result"] == "committed"
    assert broker.judge_at_rest() == []


def test_descriptors_that_others_free(broker: ChaosBroker) -> None:
    """No client leaves: the broker looks again by itself."""
    broker.start()
    with ExitStack() as stack:
        pid, hard = exhaust(broker, stack, clients=1)
        late = Client(broker.uri)
        late.send("lsattr")
        assert late.receive(0.3) is None
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
        assert late.receive(PATIENCE) is not None


def _unless_turned_away(broker: ChaosBroker) -> dict[str, Any] | None:
    try:
        loaded: dict[str, Any] = broker.load_module("m")
    except Trouble:
        return None
    return loaded


def test_clients_leave_descriptors_for_modules(broker: ChaosBroker) -> None:
    """With fewer descriptors than CLIENTS, some of them are not let in."""
    broker.start()
    assert broker.process is not None
    pid, path = broker.process.pid, broker.uri.removeprefix("local://")
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    soft = 4 * (footprint.of(pid).descriptors + 8)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    with ExitStack() as stack:
        clients = [connect(stack, path) for _ in range(soft * 3 // 4)]
        late = connect(stack, path)  # turned away, or in the place of the first of them
        turned_away, _, _ = select([late, *clients], [], [], PATIENCE)
        assert json.loads(turned_away[0].recv(4096))["error"]
        before = footprint.of(pid).descriptors
        clients[1].close()
        until(lambda: footprint.of(pid).descriptors < before, what="it is let go")
        # Those who connected last may still be on their way in, and turned away.
        outcome = until(lambda: _unless_turned_away(broker), what="there is a place for the owner")
        assert outcome["result"] == "loaded"
    assert broker.judge_at_rest() == []


class ServingLoop:
    """An ApiServer with a loop around it, that answers whatever is asked."""

    def __init__(self, path: str) -> None:
        self.selector = selectors.DefaultSelector()
        self.server = ApiServer(
            path,
            self.selector,
            asked=lambda client, _: self.server.answer(client, {"value": "served"}),
            gone=lambda _: None,
            wake_at=lambda _: None,
        )
        self.server.admit_by(lambda uid: ClientRole.OWNER if uid == 0 else ClientRole.GUEST, "")

    def work(self) -> None:
        """Deal with all that there is to be dealt with."""
        while ready := self.selector.select(0):
            for key, events in ready:
                key.data(events)

    def serves(self, sock: socket.socket) -> bool:
        """Whether this client has been let in: it gets an answer, and no error."""
        with suppress(BrokenPipeError):  # turned away already; the reason can still be read
            sock.sendall(b'{"op": "any"}\n')
        self.work()
        return "error" not in json.loads(sock.recv(4096))


@pytest.fixture
def loop() -> Iterator[ServingLoop]:
    """One whose socket every user can reach."""
    with tempfile.TemporaryDirectory(prefix="flux-test-") as directory:
        os.chmod(directory, 0o755)
        loop = ServingLoop(f"{directory}/local")
        yield loop
        loop.server.close()
        loop.selector.close()


def as_guest(stack: ExitStack, path: str) -> socket.socket:
    """A connection of another user: the kernel keeps who connected (unix(7))."""
    os.seteuid(NOBODY)
    try:
        return connect(stack, path)
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_guests_leave_room_for_the_owner(
    loop: ServingLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CLIENTS", 8)
    monkeypatch.setattr(limits, "CLIENT_IDLE_SECONDS", 600.0)
    with ExitStack() as stack:
        guests = [as_guest(stack, loop.server.path) for _ in range(20)]
        assert [loop.serves(client) for client in guests] == [True] * 6 + [False] * 14
        owners = [connect(stack, loop.server.path) for _ in range(3)]
        assert [loop.serves(client) for client in owners] == [True, True, False]
        guests[0].close()
        loop.work()
        assert loop.serves(connect(stack, loop.server.path))


def test_idle_connections_make_room(loop: ServingLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has been idle for longest goes, and hears why; who has just asked stays."""
    monkeypatch.setattr(limits, "CLIENTS", 8)
    monkeypatch.setattr(limits, "CLIENT_IDLE_SECONDS", 0.0)
    with ExitStack() as stack:
        first, *others = [connect(stack, loop.server.path) for _ in range(8)]
        loop.work()
        assert loop.serves(first)
        assert loop.serves(connect(stack, loop.server.path))
        assert json.loads(others[0].recv(4096))["error"].startswith("idle for too long")
        assert others[0].recv(4096) == b""
        assert loop.serves(first)


def test_the_owner_gets_in_beside_a_thousand_idle_connections(broker: ChaosBroker) -> None:
    """Programs of the owner's that keep connections open do not lock him out."""
    broker.start(modules=("m",))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 3 * limits.CLIENTS:
        pytest.skip(f"{hard} descriptors are too few for {limits.CLIENTS} clients")
    resource.setrlimit(resource.RLIMIT_NOFILE, (3 * limits.CLIENTS, hard))
    path = broker.uri.removeprefix("local://")
    with ExitStack() as stack:
        for _ in range(limits.CLIENTS):
            connect(stack, path)
        until(broker.opened, what="the others have been idle for long enough")
        broker.write()
        assert broker.reload()["result"] == "committed"
    assert broker.judge_at_rest() == []


def test_watchers_leave_room(broker: ChaosBroker) -> None:
    """A watcher is never idle, so there is a limit on them."""
    broker.start()
    assert broker.process is not None
    pid = broker.process.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    soft = footprint.of(pid).descriptors * 2 + 40
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    watchers, refused = [], ""
    for _ in range(soft * 3 // 4):
        client = Client(broker.uri)
        client.send("watch")
        try:
            watchers.append((client, client.receive(PATIENCE)))
        except Trouble as trouble:
            refused = str(trouble)
            break
    assert refused.startswith("too many clients watch")
    assert len(watchers) == (soft - limits.DESCRIPTORS_OWN) // 3 // 2
    broker.write()
    assert broker.reload()["result"] == "committed"
