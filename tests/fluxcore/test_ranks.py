# SPDX-License-Identifier: LGPL-3.0-or-later
"""Ranks that go and come, whole brokers with their modules and agents."""

import os
import random
import signal
import time
from collections.abc import Generator

import pytest

from tests.fluxcore.instance import BootedInstance
from tests.support.patience import AT_ONCE, until


@pytest.fixture
def booted() -> Generator[BootedInstance]:
    """Three brokers whose agents were started in rc1."""
    made = BootedInstance()
    made.start()
    try:
        until(lambda: all(map(made.is_served, range(3))), "agents on all ranks")
        yield made
    finally:
        made.close()


def test_a_rank_that_comes_back_gets_what_was_committed_without_it(booted: BootedInstance) -> None:
    until(lambda: booted.flux("config", "set", "--type=integer", "a.n", "1").status == 0, "set")
    booted.signal(2, signal.SIGKILL)
    booted.wait_gone(2)
    until(lambda: booted.flux("config", "set", "--type=integer", "a.n", "2").status == 0, "gone")
    booted.run_again(2)
    assert [booted.config(rank)["a"] for rank in range(3)] == [{"n": 2}] * 3
    typed = ("config", "set", "--type=integer", "a.n", "3")
    until(lambda: booted.flux(*typed, rank=2).status == 0, "rank 2 passes it on")
    assert [booted.config(rank)["a"] for rank in range(3)] == [{"n": 3}] * 3


def test_a_broker_that_dies_while_it_is_asked_is_a_no(booted: BootedInstance) -> None:
    booted.load_module("voter", rank=1)
    running = booted.popen("config", "set", "--type=integer", "voter.sleep", "8")
    time.sleep(0.5)
    booted.signal(1, signal.SIGKILL)
    _, text = running.communicate(timeout=AT_ONCE)
    assert running.returncode == 1
    assert "rank 1: died (its broker is gone) while it was asked" in text
    assert "voter" not in booted.config(0)


def test_the_files_are_what_reload_proposes(booted: BootedInstance) -> None:
    (booted.files / "more.toml").write_text("[a]\nn = 1\n")
    done = booted.flux("config", "reload", rank=1)
    assert done.status == 0, done
    assert [booted.config(rank)["a"] for rank in range(3)] == [{"n": 1}] * 3
    booted.load_module("voter", rank=2)
    (booted.files / "more.toml").write_text("[heartbeat]\nperiod = 3\n[voter]\nn = 11\n")
    done = booted.flux("config", "reload")
    assert done.status == 1
    assert "rank 2: voter: n: 11 is more than 10" in done.text
    (booted.files / "more.toml").write_text("[a\n")
    done = booted.flux("config", "reload")
    assert done.status == 1
    assert "more.toml" in done.text
    assert booted.flux("module", "remove", "voter", rank=2).status == 0


def test_a_broker_dies_at_any_moment_of_a_change(booted: BootedInstance) -> None:
    """CHAOS_SEED=N repeats the moments."""
    moments = random.Random(int(os.environ.get("CHAOS_SEED", "7")))
    until(lambda: booted.load({"a": {"n": 0}}).status == 0, "all ranks take part")
    last = 0
    for n in range(1, 6):
        asking = booted.popen("config", "set", "--type=integer", "a.n", str(n), rank=n % 2)
        time.sleep(moments.uniform(0.0, 0.4))
        booted.signal(2, signal.SIGKILL)
        _, text = asking.communicate(timeout=AT_ONCE)
        booted.wait_gone(2)
        assert booted.config(0) == booted.config(1), text
        assert booted.config(0)["a"]["n"] in ((n,) if asking.returncode == 0 else (last, n))
        assert asking.returncode == 0 or "rank 2: " in text, text
        booted.run_again(2)
        last = booted.config(0)["a"]["n"]
        until(lambda: _agree(booted), "all on the same")


def _agree(booted: BootedInstance) -> bool:
    try:
        return len({str(told) for told in booted.configs()}) == 1
    except OSError:  # it has just come, and is not reached yet
        return False
