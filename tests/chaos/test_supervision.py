# SPDX-License-Identifier: LGPL-3.0-or-later
"""Modules that die: started again, given up, waited for, taken out of the way."""

import os
import signal
import time
from pathlib import Path

from tests.chaos import evidence
from tests.chaos.broker import VOTER, ChaosBroker
from tests.support.patience import AT_ONCE, FAR, PATIENCE, until


def kill(house: ChaosBroker, name: str) -> None:
    """Kill a module and wait until the broker knows."""
    pid = house.wait_for(name, "running")["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: house.members()[name]["pid"] != pid, what="the death is noticed")


def pauses(house: ChaosBroker, name: str) -> list[float]:
    """The pauses before restarts, as the log tells them."""
    return [line["after"] for line in house.ask("dmesg")["lines"]
            if line["event"] == "restart" and line["module"] == name]  # fmt: skip


def test_started_again_with_growing_pauses(house: ChaosBroker) -> None:
    house.start(modules=("a", "b"))
    for deaths in (1, 2, 3):
        kill(house, "a")
        assert house.members()["a"]["restarts"] == deaths
    assert pauses(house, "a") == [0.1, 0.2, 0.4]
    house.wait_for("a", "running")
    house.write()
    assert house.commits()["asked"] == 2
    assert house.judge_at_rest() == []


def test_given_up_after_five_deaths(house: ChaosBroker) -> None:
    house.start("--limit", "RESTART_FIRST_SECONDS=0.01", modules=("a", "b"))
    base = house.generation
    for _ in range(5):
        kill(house, "a")
    shown = house.wait_for("a", "failed")
    assert "died 5 times within 60 s" in shown["why"]
    assert "killed by SIGKILL" in shown["why"]
    assert "failed" in house.flux("module", "list").stdout
    house.write()
    began = time.monotonic()
    outcome = house.refuses()
    assert time.monotonic() - began < AT_ONCE, "at once, and not at the deadline"
    assert outcome["reasons"][0]["module"] == "a"
    assert "died 5 times" in outcome["reasons"][0]["message"]
    done = house.flux("module", "remove", "a")
    assert done.returncode == 0, done.stderr
    assert house.commits()["asked"] == 1
    house.has_loaded("a")
    assert house.members()["a"]["generation"] == base + 1
    assert house.judge_at_rest() == []


def test_reload_waits_for_a_restarting_module(house: ChaosBroker) -> None:
    house.start("--limit", "RESTART_FIRST_SECONDS=2", modules=("a", "b"))
    kill(house, "a")
    assert house.members()["a"]["state"] == "restarting"
    house.write()
    outcome = house.commits()
    assert outcome["asked"] == 2
    assert outcome["seconds"] > 0.2
    assert house.judge_at_rest() == []


def test_fallback(house: ChaosBroker) -> None:
    house.start(modules=("a",))
    base = house.ask("get")
    house.end()
    house.write(a="refuse")
    house.launch(modules=("a",))
    assert house.wait_dead() == 1
    assert "a: voter.serial: a will not have" in house.log_text()
    house.start("--fallback", modules=("a",))
    assert house.ask("get") == base
    assert house.judge_at_rest() == []
    house.end()
    house.write_text("= broken")
    house.start("--fallback", modules=("a",))
    assert house.ask("get") == base
    assert house.judge_at_rest() == []


def test_modules_of_the_real_command(house: ChaosBroker) -> None:
    """`flux broker` starts modules in a way of its own; its modules die, and die with it, too."""
    house.environment[evidence.NAME_VARIABLE] = "a"
    house.start_real()
    house.has_loaded("a", VOTER)
    house.kill_module("a")
    house.write(a="hang")
    client = house.begin("config", "reload", "--timeout", FAR)
    house.wait_for_record("a", "struck")
    pid = house.pid("a")
    os.kill(pid, signal.SIGKILL)
    _, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 1
    assert "flux-config: a: died (killed by SIGKILL) while it was asked" in err
    house.write()
    house.commits()
    assert house.judge_at_rest() == []
    pid = house.pid("a")
    house.end(signal.SIGKILL)
    until(lambda: not alive(pid), what="the module is gone with its broker")


def alive(pid: int) -> bool:
    """Whether a process runs (and is no zombie)."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
