# SPDX-License-Identifier: LGPL-3.0-or-later
"""Deaths at the moments that matter most: a module in prepare, a broker around its decision."""

import json
import os
import signal
import statistics
import time
from datetime import datetime
from typing import Any

from tests.chaos import plans
from tests.chaos.broker import BRISK, ChaosBroker
from tests.chaos.plans import Plan
from tests.support.outcome import expect
from tests.support.patience import AT_ONCE, FAR, PATIENCE, until

DEATHS = int(os.environ.get("CHAOS_DEATHS", "20"))


def stamp(line: dict[str, str]) -> float:
    """When a log line was written, in seconds since the Epoch."""
    return datetime.fromisoformat(line["timestamp"]).timestamp()


def test_killed_in_prepare(house: ChaosBroker) -> None:
    """The abort comes of the death, at once, and not of the deadline, which is far."""
    house.start(*BRISK, modules=("a", "b"))
    seen, logged = [], []
    for _ in range(DEATHS):
        killed, outcome = one_death(house)
        expect(outcome, "refused")
        (reason,) = outcome["reasons"]
        assert reason["module"] == "b"
        assert reason["message"] == "died (killed by SIGKILL) while it was asked"
        lines = [line for line in house.ask("dmesg")["lines"]
                 if line["event"] == "died" or line.get("txid") == outcome["txid"]]  # fmt: skip
        abort = next(line for line in lines if line["event"] == "abort")
        died = [line for line in lines if line["event"] == "died"][-1]
        seen.append(stamp(abort) - killed)
        logged.append(stamp(abort) - stamp(died))
        house.wait_for("b", "running")
    seen.sort()
    print(f"death to ABORT, {DEATHS} times: median {statistics.median(seen) * 1e3:.2f} ms, "
          f"p99 {seen[int(0.99 * DEATHS)] * 1e3:.2f} ms; of it in the broker: "
          f"median {statistics.median(logged) * 1e3:.2f} ms")  # fmt: skip
    assert seen[-1] < AT_ONCE
    assert house.judge_at_rest() == []


def one_death(house: ChaosBroker) -> tuple[float, dict[str, Any]]:
    """Kill b while it prepares; when that was, and what the client was told."""
    house.write(b="hang")
    struck = sum(one.what == "struck" for one in house.diary_of("b"))
    client = house.begin("config", "reload", "--json", "--timeout", FAR)
    until(lambda: sum(one.what == "struck" for one in house.diary_of("b")) > struck)
    pid = house.pid("b")
    killed = time.time()
    os.kill(pid, signal.SIGKILL)
    out, _ = client.communicate(timeout=PATIENCE)
    assert client.returncode == 1
    return killed, json.loads(out)


def die_in_reload(house: ChaosBroker, plan: Plan) -> None:
    """A reload in which the broker strikes itself down by `plan`."""
    plans.place(house.plans / "broker", plan)
    client = house.begin("config", "reload", "--timeout", FAR)
    assert house.wait_dead() == -signal.SIGKILL
    _, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 3, "nobody can know"
    assert "`flux config status` tells" in err


def test_broker_killed_after_the_decision(house: ChaosBroker) -> None:
    house.start(modules=("m",))
    with house.attached("survivor") as (survivor,):
        base, serial = house.generation, house.write()
        die_in_reload(house, Plan("before", title="TellCommit"))
        assert house.rows()[-1].generation == base + 1
        assert survivor.in_doubt is not None
        assert survivor.generation == base, "it waits, and decides nothing by itself"
        house.start(modules=("m",))
        assert survivor.wait_for(base + 1, PATIENCE)
        assert survivor.in_doubt is None
        assert house.generation == base + 1
        assert house.flux("config", "get", "voter.serial").stdout == f"{serial}\n"
        house.wait_for("survivor", "running")
        assert house.judge_at_rest() == []


def test_broker_killed_before_the_decision(house: ChaosBroker) -> None:
    old = (house.files / "voter.toml").read_text()
    house.start(modules=("m",))
    with house.attached("survivor") as (survivor,):
        base, digest = house.generation, survivor.digest
        house.write()
        die_in_reload(house, Plan("before", title="Decision"))
        until(lambda: survivor.in_doubt, what="the survivor is in doubt")
        assert (survivor.generation, survivor.digest) == (base, digest)
        house.write_text(old)
        house.start(modules=("m",))
        until(lambda: survivor.in_doubt is None, what="the doubt is over")
        house.wait_for_record("survivor", "released")
        house.wait_for("survivor", "running")
        assert (house.generation, survivor.generation, survivor.digest) == (base, base, digest)
        house.write()
        assert house.commits()["generation"] == base + 1
        assert house.judge_at_rest() == []


def test_changed_files_are_put_to_the_survivors(house: ChaosBroker) -> None:
    """The files that nobody has decided on yet are a proposal to the next life."""
    house.start(modules=("m",))
    with house.attached("survivor") as (survivor,):
        base = house.generation
        house.write()
        die_in_reload(house, Plan("before", title="Decision"))
        house.start(modules=("m",))
        assert house.generation == base + 1
        assert "survivor" in house.rows()[-1].members
        assert survivor.wait_for(base + 1, PATIENCE)
        assert house.judge_at_rest() == []
