# SPDX-License-Identifier: LGPL-3.0-or-later
"""A real broker with real participants, asked for changes through the clients' socket."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from cli.client import Client

LOCAL = 0
"""In place of a number of processes: members are modules of the broker's own."""
_MODULE = str(Path(__file__).with_name("local_module.py"))


class Ours:
    """A broker and `members` participants spread over `processes`; a context manager."""

    def __init__(
        self, members: int, processes: int, size: int, folder: str, config: str = ""
    ) -> None:
        self.size = size
        self._turn = 0
        self.uri = f"local://{folder}/local"
        files = ["-c", config] if config else []
        self._broker = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "broker", "-S", f"rundir={folder}", "-S",
             f"statedir={folder}/state", "-S", "broker.rc1_path=", "-S", "log-stderr-level=4",
             *files]
        )  # fmt: skip
        _await(lambda: os.path.exists(f"{folder}/local"))
        self._client = Client(self.uri)
        self._client.ask("load", sources=[_source(self._text(0))])
        if processes == LOCAL:
            for number in range(members):
                self.load_module(_MODULE, f"m{number}", f"number={number}")
        each = members // max(1, processes)
        self._members = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.bench.member", self.uri, str(n * each), str(each)],
                stdin=subprocess.PIPE,
            )
            for n in range(processes)
        ]
        self.await_running(members)

    def __enter__(self) -> "Ours":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for member in self._members:
            assert member.stdin is not None
            member.stdin.close()
        for member in self._members:
            member.wait(60)
        self._broker.terminate()
        self._broker.wait(20)

    @property
    def broker_pid(self) -> int:
        """The broker's process."""
        return self._broker.pid

    @property
    def member_pid(self) -> int:
        """The process of one participant."""
        return self._members[0].pid

    def change(self, wanted: str = "committed", refuse: int = -1, dry_run: bool = False) -> float:
        """Seconds from the request for a change to its answer."""
        self._turn += 1
        source = _source(self._text(self._turn, refuse))
        began = time.perf_counter()
        answer = self._client.ask("load", 60.0, sources=[source], dry_run=dry_run, timeout=30.0)
        elapsed = time.perf_counter() - began
        assert answer["result"] == wanted, answer
        return elapsed

    def refused(self, extra: dict[str, Any]) -> float:
        """Propose what is refused; the moment of the answer on the monotonic clock."""
        text = json.dumps({**content(self.size, -1, -1), **extra})
        answer = self._client.ask("load", 60.0, sources=[_source(text)], timeout=30.0)
        answered = time.monotonic()
        assert answer["result"] == "refused", answer
        return answered

    def load_module(self, path: str, name: str, *arguments: str) -> None:
        """Start a module in the broker."""
        answer = self._client.ask(
            "module-load", 30.0, name=name, path=path, arguments=list(arguments)
        )
        assert answer["result"] == "loaded", answer

    def remove_module(self, name: str) -> None:
        """And end it."""
        answer = self._client.ask("module-remove", 30.0, name=name)
        assert answer["result"] == "removed", answer

    def modules(self) -> list[dict[str, Any]]:
        """As `flux module list` shows them."""
        found: list[dict[str, Any]] = self._client.ask("modules")["modules"]
        return found

    def await_running(self, members: int) -> None:
        """Wait until so many are members."""
        _await(lambda: self._running() == members)

    def _text(self, turn: int, refuse: int = -1) -> str:
        return json.dumps(content(self.size, turn, refuse))

    def _running(self) -> int:
        return sum(module["state"] == "running" for module in self.modules())


def content(size: int, turn: int, refuse: int) -> dict[str, Any]:
    """A configuration of about `size` bytes, different at each turn.

    What changes is said to be other programs': no answer has to tell that nobody reads it.
    """
    filler = {f"k{n:05}": f"value number {n:05}" for n in range(max(0, size - 150) // 26)}
    own = {"foreign": ["filler", "refuse", "turn"]}
    return {"accord": own, "bench": {"x": 1}, "filler": filler, "refuse": refuse, "turn": turn}


def _source(text: str) -> dict[str, str]:
    return {"name": "<bench>", "format": "json", "text": text}


def _await(condition: Any) -> None:
    until = time.monotonic() + 120
    while not condition():
        if time.monotonic() > until:
            raise TimeoutError("the bench's broker or members did not come up")
        time.sleep(0.02)
