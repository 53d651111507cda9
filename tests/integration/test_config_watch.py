# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config watch` tells every generation, waits for nobody, and is waited for by nobody."""

import json
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.broker import RunningBroker
from tests.support.client_calls import FLUX
from tests.support.patience import AT_ONCE, PATIENCE


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    """One without modules."""
    broker = RunningBroker("[sample]\ni = 7\n").start()
    yield broker
    broker.close()


def watch(broker: RunningBroker, *names: str) -> "subprocess.Popen[str]":
    return subprocess.Popen([*FLUX, "config", "watch", *names], env=broker.environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


def test_watch_tells_every_generation_and_no_candidate(broker: RunningBroker) -> None:
    watcher = watch(broker, "sample.i")
    assert watcher.stdout is not None
    lines = [json.loads(watcher.stdout.readline())]
    broker.good("set", "sample.i", "41")
    broker.good("set", "sample.i", "42", "--dry-run")
    broker.refused("set", "sample.i", "x")
    broker.good("unset", "sample.i")
    lines += [json.loads(watcher.stdout.readline()) for _ in range(2)]
    watcher.send_signal(signal.SIGINT)
    assert watcher.wait(PATIENCE) == 130
    assert [line.get("value") for line in lines] == [7, 41, None]
    assert [line["set"] for line in lines] == [True, True, False]
    first = lines[0]["generation"]
    assert [line["generation"] for line in lines] == [first, first + 1, first + 2]
    watcher.communicate()


def test_a_slow_watcher_delays_nobody_and_skips_to_the_latest(broker: RunningBroker) -> None:
    watcher = watch(broker)
    try:
        assert watcher.stdout is not None
        assert json.loads(watcher.stdout.readline())
        watcher.send_signal(signal.SIGSTOP)
        for number in range(12):
            blob = f"{number:02}" + "x" * 1_000_000
            outcome = broker.good("load", "--json", input=f'blob = "{blob}"\n')
            assert json.loads(outcome)["seconds"] < AT_ONCE
        last = broker.generation
        watcher.send_signal(signal.SIGCONT)
        told: list[int] = []
        while not told or told[-1] < last:
            told.append(json.loads(watcher.stdout.readline())["generation"])
        assert told == sorted(told)
        assert len(told) < 12, "it skipped"
    finally:
        watcher.kill()
        watcher.communicate()
