# SPDX-License-Identifier: LGPL-3.0-or-later
"""Modules that die: started again, given up, waited for, taken out of the way."""

import os
import signal
import time
from pathlib import Path

from tests.chaos import evidence
from tests.chaos.broker import VOTER, ChaosBroker
from tests.support.patience import AT_ONCE, FAR, PATIENCE, until


def kill(broker: ChaosBroker, name: str) -> None:
    """Kill a module and wait until the broker knows."""
    pid = broker.wait_for(name, "running")["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: broker.members()[name]["pid"] != pid, what="the death is noticed")


def pauses(broker: ChaosBroker, name: str) -> list[float]:
    """The pauses before restarts, as the log tells them."""
    return [line["after"] for line in broker.ask("dmesg")["lines"]
            if line["event"] == "restart" and line["module"] == name]  # fmt: skip


def test_started_again_with_growing_pauses(broker: ChaosBroker) -> None:
    broker.start(modules=("a", "b"))
    for deaths in (1, 2, 3):
        kill(broker, "a")
        assert broker.members()["a"]["restarts"] == deaths
    assert pauses(broker, "a") == [0.1, 0.2, 0.4]
    broker.wait_for("a", "running")
    broker.write()
    assert broker.commits()["asked"] == 2
    assert broker.judge_at_rest() == []


def test_given_up_after_five_deaths(broker: ChaosBroker) -> None:
    broker.start("--limit", "RESTART_FIRST_SECONDS=0.01", modules=("a", "b"))
    base = broker.generation
    for _ in range(5):
        kill(broker, "a")
    shown = broker.wait_for("a", "failed")
    assert "died 5 times within 60 s" in shown["why"]
    assert "killed by SIGKILL" in shown["why"]
    assert "failed" in broker.flux("module", "list").stdout
    broker.write()
    began = time.monotonic()
    outcome = broker.refuses()
    assert time.monotonic() - began < AT_ONCE, "at once, and not at the deadline"
    assert outcome["reasons"][0]["module"] == "a"
    assert "died 5 times" in outcome["reasons"][0]["message"]
    done = broker.flux("module", "remove", "a")
    assert done.returncode == 0, done.stderr
    assert broker.commits()["asked"] == 1
    broker.has_loaded("a")
    assert broker.members()["a"]["generation"] == base + 1
    assert broker.judge_at_rest() == []


def test_reload_waits_for_a_restarting_module(broker: ChaosBroker) -> None:
    broker.start("--limit", "RESTART_FIRST_SECONDS=2", modules=("a", "b"))
    kill(broker, "a")
    assert broker.members()["a"]["state"] == "restarting"
    broker.write()
    outcome = broker.commits()
    assert outcome["asked"] == 2
    assert outcome["seconds"] > 0.2
    assert broker.judge_at_rest() == []


def test_fallback(broker: ChaosBroker) -> None:
    broker.start(modules=("a",))
    base = broker.ask("get")
    broker.end()
    broker.write(a="refuse")
    broker.launch(modules=("a",))
    assert broker.wait_dead() == 1
    assert "a: voter.serial: a will not have" in broker.log_text()
    broker.start("--fallback", modules=("a",))
    assert broker.ask("get") == base
    assert broker.judge_at_rest() == []
    broker.end()
    broker.write_text("= broken")
    broker.start("--fallback", modules=("a",))
    assert broker.ask("get") == base
    assert broker.judge_at_rest() == []


def test_modules_of_the_real_command(broker: ChaosBroker) -> None:
    """`flux broker` starts modules in a way of its own; its modules die, and die with it, too."""
    broker.environment[evidence.NAME_VARIABLE] = "a"
    broker.start_real()
    broker.has_loaded("a", VOTER)
    broker.kill_module("a")
    broker.write(a="hang")
    client = broker.begin("config", "reload", "--timeout", FAR)
    broker.wait_for_record("a", "struck")
    pid = broker.pid("a")
    os.kill(pid, signal.SIGKILL)
    _, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 1
    assert "flux-config: a: died (killed by SIGKILL) while it was asked" in err
    broker.write()
    broker.commits()
    assert broker.judge_at_rest() == []
    pid = broker.pid("a")
    broker.end(signal.SIGKILL)
    until(lambda: not alive(pid), what="the module is gone with its broker")


def alive(pid: int) -> bool:
    """Whether a process runs (and is no zombie)."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
