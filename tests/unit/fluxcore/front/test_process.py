# SPDX-License-Identifier: LGPL-3.0-or-later
"""Front, standby and agent as processes, killed for real; only Flux itself is a toy."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest

from fluxcore.front.client import call_front
from fluxcore.front.door import address
from tests.support.patience import PATIENCE, until
from tests.unit.fluxcore.front.toy_broker import ToyBroker

HERE = "tests.unit.fluxcore.front"


class Rank:
    """One rank, served."""

    def __init__(self, directory: Path) -> None:
        self.door = directory / "door"
        self.door.mkdir()
        self.ledger = directory / "ledger"
        self.broker = ToyBroker(directory / "broker")
        self._front = [sys.executable, "-m", f"{HERE}.toy_front", self.broker.path, str(self.door)]
        self._agent = [sys.executable, "-m", f"{HERE}.toy_agent", str(self.door), str(self.ledger)]
        self.environment = {**os.environ, "TOY_FRONT": json.dumps(self._front),
                            "TOY_AGENT": json.dumps(self._agent)}  # fmt: skip
        self.seen: set[int] = set()

    def start(self) -> "subprocess.Popen[bytes]":
        """A front, and what it starts."""
        return subprocess.Popen([*self._front, "0", *self._agent], env=self.environment)

    def serve(self) -> "subprocess.Popen[bytes]":
        """The same, waited for."""
        process = self.start()
        until((self.door / "served").exists, "it is served")
        return process

    def processes(self) -> dict[str, int]:
        """Front, standby and agent."""
        told = call_front(str(self.door), "who", PATIENCE)
        assert told is not None
        self.seen |= {told["front"], told["standby"], told["agent"]} - {0}
        return {name: told[name] for name in ("front", "standby", "agent")}

    def ask(self, method: str, do: str = "") -> tuple[int, str]:
        """A request, and its answer."""
        number = until(lambda: self.broker.request(method, json.dumps({"do": do})), "a holder")
        answer: tuple[int, str] = until(lambda: self.broker.answer(number), f"{method} {do}")
        return answer

    def kill_front(self, pid: int) -> None:
        """Kill it, and wait until the broker has noticed: what it had in hand is lost, in Flux."""
        holder = self.broker.holder
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.broker.holder is not holder, "the broker has noticed")

    def all_gone(self) -> bool:
        """Whether none of those that were seen lives."""
        return not any(map(_lives, self.seen))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def rank(tmp_path: Path) -> Generator[Rank]:
    """A rank that is not served yet."""
    made = Rank(tmp_path)
    try:
        yield made
    finally:
        made.broker.close()
        until(made.all_gone, "nobody outlives the broker")


def test_who_asked_an_agent_that_dies_gets_the_true_answer_from_the_next(rank: Rank) -> None:
    rank.serve()
    first = rank.processes()
    assert rank.ask("get") == (0, "0")
    assert rank.ask("load", "commit") == (0, "")
    assert rank.ask("load", "commit and die") == (0, "")
    assert rank.ask("load", "die") == (11, "nothing changed")
    assert rank.ask("get") == (0, "2")
    assert len(rank.ledger.read_text().split()) == 2
    now = rank.processes()
    assert now["front"] == first["front"]
    assert now["agent"] != first["agent"]


def test_the_standby_takes_the_name_with_what_is_in_force(rank: Rank) -> None:
    front = rank.serve()
    rank.ask("load", "commit")
    first = rank.processes()
    os.kill(first["agent"], signal.SIGSTOP)  # it cannot help
    rank.kill_front(first["front"])
    front.wait()
    assert rank.ask("get") == (0, "1")
    os.kill(first["agent"], signal.SIGCONT)
    assert rank.ask("load", "commit") == (0, "")
    second = rank.processes()
    assert (second["front"], second["agent"]) == (first["standby"], first["agent"])
    assert second["standby"] not in (0, first["standby"])


def test_a_standby_that_dies_has_a_successor(rank: Rank) -> None:
    rank.serve()
    first = rank.processes()
    os.kill(first["standby"], signal.SIGKILL)
    until(lambda: rank.processes()["standby"] != first["standby"], "another standby")
    second = rank.processes()
    rank.kill_front(second["front"])
    assert rank.processes()["front"] == second["standby"]
    assert rank.ask("load", "commit") == (0, "")


def test_without_front_and_standby_the_agent_starts_a_front(rank: Rank) -> None:
    rank.serve()
    rank.ask("load", "commit")
    first = rank.processes()
    os.kill(first["front"], signal.SIGSTOP)  # it makes no other standby
    os.kill(first["standby"], signal.SIGKILL)
    rank.kill_front(first["front"])
    assert rank.ask("load", "commit") == (0, "")
    assert rank.processes()["agent"] == first["agent"]
    assert rank.ask("get") == (0, "2")


def test_a_front_that_hangs_is_taken_for_dead(rank: Rank) -> None:
    """The agent has something to publish, and cannot wait."""
    rank.serve()
    first = rank.processes()
    number = rank.broker.request("load", '{"do": "commit"}')
    until(lambda: rank.broker.answer(number))
    os.kill(first["agent"], signal.SIGSTOP)
    rank.broker.request("load", '{"do": "commit"}')
    rank.processes()  # so the front has passed it on
    os.kill(first["front"], signal.SIGSTOP)
    os.kill(first["agent"], signal.SIGCONT)
    until(lambda: not _lives(first["front"]), "it is killed")
    until(lambda: rank.ask("get") == (0, "2"), "the next one tells what the agent has published")


def test_nonsense_at_its_door_does_not_end_a_front(rank: Rank) -> None:
    rank.serve()
    front = rank.processes()["front"]
    for said in (b"\xff" * 100, b"\0\0\0\x02[]", b"\0\0\0\x02{}"):
        with socket.socket(socket.AF_UNIX) as caller:
            caller.connect(address(str(rank.door)))
            caller.sendall(said)
            assert caller.recv(1) == b""
    for op in ("in-force", "answer", "nonsense"):
        with suppress(TimeoutError):
            assert call_front(str(rank.door), op, 0.2) is None
    assert rank.ask("get") == (0, "0")
    assert rank.processes()["front"] == front


def test_down_gives_the_name_back_and_ends_all(rank: Rank) -> None:
    front = rank.serve()
    rank.processes()
    waits = rank.broker.request("load", '{"do": "wait"}')
    assert call_front(str(rank.door), "down", PATIENCE) is None
    assert front.wait(PATIENCE) == 0
    assert rank.broker.holder is None
    answer = rank.broker.answer(waits)
    assert answer is not None
    assert "the agents of this instance end" in answer[1]
    until(rank.all_gone, "all end")


def test_sigterm_is_down(rank: Rank) -> None:
    front = rank.serve()
    os.kill(rank.processes()["agent"], signal.SIGSTOP)  # even so
    front.terminate()
    assert front.wait(PATIENCE) == 0
    assert rank.broker.holder is None
    until(rank.all_gone, "all end")


def test_an_agent_that_cannot_start_is_no_reason_to_take_the_name(rank: Rank) -> None:
    Path(f"{rank.ledger}.broken").touch()
    assert rank.start().wait(PATIENCE) == 1
    assert rank.broker.holder is None


def test_all_end_with_the_broker(rank: Rank) -> None:
    front = rank.serve()
    os.kill(rank.processes()["agent"], signal.SIGSTOP)  # even so
    rank.broker.close()
    assert front.wait(PATIENCE) == 0
    until(rank.all_gone, "all end")


def test_front_and_broker_may_die_at_once(rank: Rank) -> None:
    rank.serve()
    pids = rank.processes()
    os.kill(pids["front"], signal.SIGSTOP)
    rank.broker.close()
    os.kill(pids["agent"], signal.SIGSTOP)
    os.kill(pids["front"], signal.SIGKILL)
    until(rank.all_gone, "standby and agent follow")
