# SPDX-License-Identifier: LGPL-3.0-or-later
"""Metrics over a real socket, in a real loop: what is served, to whom, and within which limits."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from coordinator.core.machine import Coordinator
from coordinator.observation import exposition
from coordinator.observation.address import listener_at
from coordinator.observation.metrics import Metrics
from coordinator.observation.metrics_server import FilesLook, MetricsServer
from coordinator.runtime.loop import EpollLoop
from coordinator.runtime.worker import ThreadWorker
from protocol import limits
from tests.support.patience import PATIENCE, until


class Served:
    """A loop in a thread of its own, with nothing in it but this server."""

    def __init__(self, directory: Path, seconds: float = PATIENCE) -> None:
        self.path = str(directory / "metrics")
        self.files = directory / "a.toml"
        self.files.write_text("x = 1\n")
        self.loop = EpollLoop()
        self.worker = ThreadWorker("metrics", self.loop)
        self.metrics = Metrics()
        listener, _ = listener_at(f"unix:{self.path}")
        self.look = FilesLook(str(self.files), self.worker, self.loop.now)
        machine = Coordinator(3, ledger="1" * 32)
        self.server = MetricsServer(listener, self.loop, self.worker, exposition, machine,
                                    self.metrics, self.look, seconds)  # fmt: skip
        self.bell = os.eventfd(0)
        self.loop.register(self.bell, 1, lambda _: self.loop.stop())
        self.thread = threading.Thread(target=self.loop.run)
        self.thread.start()

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(self.path)
        return client

    def ask(self, request: bytes) -> bytes:
        with self.connect() as client:
            client.sendall(request)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def close(self) -> None:
        os.eventfd_write(self.bell, 1)
        self.thread.join()
        self.server.close()
        self.worker.finish(PATIENCE)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    yield served
    served.close()
    assert not os.path.exists(served.path)


GET = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


def test_what_is_served_is_what_prometheus_reads(served: Served) -> None:
    served.metrics.took(served.metrics.prepare, 'a "b"\\', 0.3)
    served.metrics.refusals["timeout"] += 2
    head, _, body = served.ask(GET).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    samples = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }
    assert samples["flux_accord_epoch",] == 3
    assert samples["flux_accord_refused_total", "timeout"] == 2
    assert samples["flux_accord_prepare_seconds_sum", 'a "b"\\'] == 0.3
    assert samples["flux_accord_prepare_seconds_bucket", "0.1", 'a "b"\\'] == 0
    assert samples["flux_accord_prepare_seconds_bucket", "0.5", 'a "b"\\'] == 1


def test_other_requests(served: Served) -> None:
    assert served.ask(b"HEAD /metrics?x HTTP/1.0\n\n").split(b"\r\n\r\n")[1] == b""
    for request, status in (
        (b"GET / HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", b"405"),
        (b"\x16\x03\x01\r\n\r\n", b"405"),
        (b"x" * (limits.METRIC_REQUEST_BYTES + 1), b"431"),
    ):
        assert served.ask(request).split()[1] == status, request


def test_idle_connections_are_let_go_and_keep_nobody_out(tmp_path: Path) -> None:
    served = Served(tmp_path, seconds=1.0)
    idle = [served.connect() for _ in range(limits.METRIC_CLIENTS + 4)]
    assert served.ask(GET).startswith(b"HTTP/1.1 200"), "when the first ones have had their time"
    for client in idle:
        assert client.recv(1) == b""
        client.close()
    served.close()


def test_one_that_hangs_up_early_harms_nobody(served: Served) -> None:
    for _ in range(50):
        with served.connect() as client:
            client.sendall(GET)
    half = served.connect()
    half.sendall(GET)
    half.shutdown(socket.SHUT_WR)
    assert half.recv(4).startswith(b"HTTP")
    half.close()
    assert served.ask(GET).startswith(b"HTTP/1.1 200")


def test_whether_the_files_differ_is_found_beside_the_loop(served: Served) -> None:
    assert served.look.differ("x") is None, "nobody has looked yet"
    until(lambda: served.look.differ("x") is True)


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0:9464", "10.0.0.1:1", "[::]:1", ":1", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536",
     "unix:metrics", "example.org:80", "", "127.0.0.2:80", "127.0.0.1:0000009999999",
     "unix:/" + 107 * "x"],
)  # fmt: skip
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"metrics\.address="):
        listener_at(address)


def test_a_socket_that_nobody_serves_is_replaced_and_no_other(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/m"
    first, _ = listener_at(address)
    with pytest.raises(OSError, match="somebody listens there"):
        listener_at(address)
    first.close()
    listener_at(address)[0].close()
    (tmp_path / "m").unlink()
    (tmp_path / "m").write_text("precious")
    with pytest.raises(OSError, match="no socket"):
        listener_at(address)
    assert (tmp_path / "m").read_text() == "precious"


def test_loopback() -> None:
    for host in ("127.0.0.1", "localhost"):
        listener, address = listener_at(f"{host}:0")
        assert address == f"{host}:{listener.getsockname()[1]}"
        listener.close()
