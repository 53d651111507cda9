# SPDX-License-Identifier: LGPL-3.0-or-later
"""The socket that systemd names: whose it is, and what happens where it is not as it should be."""

import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from coordinator.runtime.log import Log
from coordinator.service.interface import ServiceState
from coordinator.service.systemd import Invitation, SystemdManager, take_invitation
from protocol import limits

READY = ServiceState(ready=True, status="generation 1")


class Clock:
    """Moments as they are asked for; nothing is called before `pass_to`."""

    def __init__(self) -> None:
        self.moment = 100.0
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> float:
        return self.moment

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        self.calls.append((moment, callback))

    def pass_to(self, moment: float) -> None:
        self.moment = moment
        due = [call for call in self.calls if call[0] <= moment]
        self.calls = [call for call in self.calls if call[0] > moment]
        for _, callback in due:
            callback()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """What NOTIFY_SOCKET says, and the socket."""
    name = str(tmp_path / "notify")
    if request.param == "abstract":
        name = f"@flux-accord-test-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as ours:
        ours.bind(name.replace("@", "\0", 1))
        yield name, ours


def heard(ours: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(ours.recv(4096).decode())
        except BlockingIOError:
            return messages


def quiet() -> Log:
    return Log("json", level=-1)


def test_the_invitation_is_taken_out_of_the_environment() -> None:
    environment = {
        "NOTIFY_SOCKET": "@n",
        "WATCHDOG_USEC": "2000000",
        "WATCHDOG_PID": "7",
        "OTHER": "x",
    }
    assert take_invitation(environment, 7) == Invitation("@n", 2.0)
    assert environment == {"OTHER": "x"}


@pytest.mark.parametrize(
    ("given", "watchdog"),
    [
        ({"WATCHDOG_USEC": "2000000"}, 2.0),
        ({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "8"}, None),  # another's
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_for_this_process(given: dict[str, str], watchdog: float | None) -> None:
    assert take_invitation({"NOTIFY_SOCKET": "/n", **given}, 7).watchdog_seconds == watchdog


def test_what_is_news_is_told_once(manager: tuple[str, socket.socket]) -> None:
    name, ours = manager
    systemd = SystemdManager(Invitation(name), Clock(), quiet())
    assert systemd.listens
    systemd.say(READY)
    systemd.say(READY)
    systemd.say(READY._replace(reloads=1, reloading=True))
    assert heard(ours) == [
        "STATUS=generation 1\nREADY=1",
        "RELOADING=1\nMONOTONIC_USEC=100000000",
    ]


def test_the_loop_says_that_it_lives_at_half_the_time(manager: tuple[str, socket.socket]) -> None:
    name, ours = manager
    clock = Clock()
    systemd = SystemdManager(Invitation(name, 2.0), clock, quiet())
    systemd.begin()
    assert heard(ours) == ["WATCHDOG=1"]
    clock.pass_to(100.9)
    assert heard(ours) == []
    clock.pass_to(101.0)
    clock.pass_to(102.5)
    assert heard(ours) == ["WATCHDOG=1"] * 2
    systemd.close()
    clock.pass_to(110.0)
    assert heard(ours) == []


def test_a_manager_that_takes_nothing_is_told_later(manager: tuple[str, socket.socket]) -> None:
    """Its queue is full for a while (unix(7)); what matters is not lost."""
    name, ours = manager
    clock = Clock()
    systemd = SystemdManager(Invitation(name), clock, quiet())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as other:
        other.connect(name.replace("@", "\0", 1))
        with suppress(BlockingIOError):
            while True:
                other.send(b"noise")
    systemd.say(READY)
    assert "STATUS=generation 1\nREADY=1" not in heard(ours)
    clock.pass_to(clock.now() + limits.NOTIFY_AGAIN_SECONDS)
    assert heard(ours) == ["STATUS=generation 1\nREADY=1"]


@pytest.mark.parametrize("name", ["", "@", "relative", "vsock:2:3"])
def test_an_address_that_is_none_is_told_in_the_log(name: str) -> None:
    log = quiet()
    systemd = SystemdManager(Invitation(name), Clock(), log)
    systemd.begin()
    systemd.say(READY)
    assert not systemd.listens
    assert [line["event"] for line in log.recent()] == ["no such socket"]


def test_a_manager_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    log = quiet()
    systemd = SystemdManager(Invitation(str(tmp_path / "nobody")), Clock(), log)
    systemd.say(READY)
    systemd.say(READY._replace(stopping=True))
    systemd.close()
    (line,) = log.recent()
    assert (line["event"], line["why"]) == ("systemd is not told", "No such file or directory")
