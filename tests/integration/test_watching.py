# SPDX-License-Identifier: LGPL-3.0-or-later
"""A broker is watched: its journal, its events over its own death, its check, its metrics."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest

from cli.client import Client, Trouble
from protocol import limits
from tests.support.broker import RunningBroker
from tests.support.client_calls import FLUX, ROOT
from tests.support.patience import PATIENCE, until
from tests.support.schemas import conforms

VOTER = '''
from participant import Field, Module, Reject

class Voter(Module):
    """Votes."""
    table = "voter"
    start_matters = True
    class Config(Module.Config):
        n: int = Field(0, description="a number")
    def prepare(self, new, config):
        if new.n == 13:
            raise Reject("an unlucky number", key="n")
        if self.starting and new.n == 4:
            raise Reject("not at a start", key="n")
'''


class Watcher:
    """`flux config watch --events`, and what it prints."""

    def __init__(self, broker: RunningBroker, *options: str) -> None:
        self.process = subprocess.Popen(
            [*FLUX, "config", "watch", "--events", *options], env=broker.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        self._lines: Queue[str] = Queue()
        Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def next(self, *kinds: str) -> dict[str, Any]:
        """The next event that is one of these."""
        while True:
            event: dict[str, Any] = json.loads(self._lines.get(timeout=PATIENCE))
            conforms("events", event)
            if event["event"] in kinds:
                return event

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()
        return self.process.returncode


@pytest.fixture
def broker() -> Iterator[RunningBroker]:
    broker = RunningBroker("[voter]\nn = 1\n")
    module = broker.root / "voter.py"
    module.write_text(VOTER)
    broker.options = ("-S", f"metrics.address=unix:{broker.root}/metrics")
    broker.start()
    assert broker.flux("module", "load", str(module)).returncode == 0
    yield broker
    broker.close()


def get_metrics(broker: RunningBroker) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(f"{broker.root}/metrics")
        client.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    assert text.startswith("HTTP/1.1 200")
    return text


def test_events_the_journal_the_check_and_the_metrics(broker: RunningBroker) -> None:
    watcher = Watcher(broker, "--since", "1")
    assert watcher.next("joined")["module"] == "voter"
    broker.good("set", "voter.n", "2", "-m", "why not")
    broker.refused("set", "voter.n", "13")
    broker.good("set", "voter.n", "5", "--confirm", "100ms")
    committed = watcher.next("committed", "refused")
    assert (committed["event"], committed["generation"], committed["message"]) == (
        "committed", 2, "why not")  # fmt: skip
    assert committed["who"]["command"] == "flux config set voter.n 2"
    refused = watcher.next("committed", "refused")
    assert (refused["event"], refused["generation"]) == ("refused", 2)
    assert refused["reasons"][0]["message"] == "an unlucky number"
    assert watcher.next("committed")["confirm"] == 0.1
    assert watcher.next("undone")["generation"] == 4
    (module,) = broker.json("status", "--json")["modules"]
    os.kill(module["pid"], signal.SIGKILL)
    assert watcher.next("lost", "back")["why"] == "killed by SIGKILL"
    assert watcher.next("lost", "back")["event"] == "back"
    assert watcher.end() == 130

    log = broker.log_text()
    for words in (
        ["committed", "flux config set voter.n 2", "generation=2", "why not", "user="],
        ["refused", "flux config set voter.n 13", "an unlucky number"],
        ["undone", "generation=4"],
        ["module lost", "voter", "killed by SIGKILL"],
        ["module back", "voter"],
    ):
        lines = [line for line in log.splitlines() if all(word in line for word in words)]
        assert len(lines) == 1, (words, log)

    metrics = get_metrics(broker)
    for line in (
        "flux_accord_generation 4.0",
        'flux_accord_commits_total{verb="set"} 2.0',
        'flux_accord_commits_total{verb="undo"} 1.0',
        'flux_accord_refused_total{code="invalid"} 1.0',
        'flux_accord_restarts_total{module="voter"} 1.0',
        'flux_accord_members{state="running"} 1.0',
    ):
        assert line in metrics.splitlines(), metrics
    assert 'flux_accord_commit_seconds_count{module="voter"}' in metrics
    until(lambda: "flux_accord_files_differ 1.0" in get_metrics(broker))


def test_a_watcher_goes_on_with_the_next_broker(broker: RunningBroker) -> None:
    watcher = Watcher(broker, "--since", "1")  # whoever comes first, it or the change
    until(lambda: broker.config("set", "voter.n", "2").returncode == 0)
    number = watcher.next("committed")["generation"]
    broker.kill()
    broker.write_text("[voter]\nn = 3\n")
    broker.start()
    gap = watcher.next("gap", "committed")
    assert (gap["event"], gap["what"]) == ("gap", "members")
    missed = watcher.next("committed")
    assert (missed["generation"], missed["verb"]) == (number + 1, "start")
    broker.good("set", "sample", "--type", "integer", "9")
    assert watcher.next("committed")["generation"] == number + 2, "each once"
    assert watcher.end() == 130


def test_a_refusal_of_texts_that_cannot_be_read_is_told_once(broker: RunningBroker) -> None:
    """It has no txid; who asks for the past has it from the ledger, or from the broker's life."""
    broker.refused("merge", "-", input="[")
    watcher = Watcher(broker, "--since", "1")
    broker.good("set", "voter.n", "2")
    assert watcher.next("refused", "committed")["verb"] == "merge"
    assert watcher.next("refused", "committed")["verb"] == "set"
    broker.refused("merge", "-", input="[")
    assert watcher.next("refused", "committed")["verb"] == "merge"
    broker.end()
    broker.write_text("[voter]\nn = 3\n")
    broker.start()
    assert watcher.next("refused", "committed")["verb"] == "start"
    assert watcher.end() == 130


def test_the_check(broker: RunningBroker) -> None:
    assert broker.good("status", "--check") == ""
    assert broker.json("status", "--check", "--json")["problems"] == []
    broker.good("set", "voter.n", "4")
    done = broker.config("status", "--check")
    assert done.returncode == 1
    files, start = done.stdout.splitlines()
    assert files == f"files: {broker.files} differ from what runs"
    why = "voter: voter.n: would be refused at the next start: not at a start"
    assert start == f"{why} (flux config set voter.n 4 by uid {os.getuid()})"
    broker.good("set", "voter.n", "5", "--confirm", "1h")
    told = json.loads(broker.config("status", "--check", "--json").stdout)
    assert told["ok"] is False
    assert [problem["code"] for problem in told["problems"]] == ["files-differ", "unconfirmed"]
    assert broker.config("watch", "--since", "1").returncode == 2
    assert broker.config("watch", "--events", "voter.n").returncode == 2


def test_without_the_library_it_says_so_at_once(tmp_path: Path) -> None:
    text = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "from cli.commands.broker import main\n"
        "sys.exit(main('broker', ['-S', 'metrics.address=127.0.0.1:0', '-S', 'broker.rc1_path=']))"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True,
                          timeout=PATIENCE, cwd=ROOT)  # fmt: skip
    assert done.returncode == 1
    assert "install the extra `metrics` (prometheus-client)" in done.stderr


def test_at_a_loopback_address() -> None:
    broker = RunningBroker("")
    broker.options = ("-S", "metrics.address=127.0.0.1:0")
    broker.start()
    try:
        address = broker.flux("getattr", "metrics.address").stdout.strip()
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=PATIENCE) as answer:
            assert b"flux_accord_generation 1.0\n" in answer.read()
        assert broker.flux("setattr", "metrics.address", "127.0.0.1:1").returncode == 1
    finally:
        broker.close()


def test_what_is_not_known_is_said(broker: RunningBroker) -> None:
    """A reader that is too slow; generations that the ledger has dropped."""
    many, long = limits.EVENTS + 500, "x" * limits.MESSAGE_LENGTH
    watcher, client = Client(broker.uri), Client(broker.uri)
    watcher.send("events")
    assert (watcher.receive(PATIENCE) or {})["event"] == "watching"
    for _ in range(many):
        client.ask("set", name="new", value="7", message=long, timeout=PATIENCE)
    told, missed = 0, 0
    while told + missed < many:
        event = watcher.receive(PATIENCE)
        assert event is not None
        if event["event"] == "gap":
            missed += int(event["why"].split()[0])
        else:
            assert event["event"] == "refused"
            told += 1
    assert missed > 0
    assert told + missed == many
    broker.end()
    broker.options = (*broker.options, "-S", "config.history=2")
    broker.start()
    for number in (6, 7, 8, 9):
        broker.good("set", "voter.n", str(number), "--timeout", str(PATIENCE))
    broker.end()
    broker.start()
    asking = Client(broker.uri)
    asking.send("events", since=1)
    events = [asking.receive(PATIENCE) or {} for _ in range(6)]
    assert [event["event"] for event in events] == [
        "watching", "gap", "gap", "refused", "refused", "committed"]  # fmt: skip
    assert events[1]["why"] == "generations 2 to 3 are not kept any more"
    assert events[2]["why"] == "of what was refused only the last 2 are kept"
    wrong = Client(broker.uri)
    wrong.send("events", after="x")
    with pytest.raises(Trouble, match="cursor"):
        wrong.receive(PATIENCE)
