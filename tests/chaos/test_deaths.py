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


def test_killed_in_prepare(broker: ChaosBroker) -> None:
    """The abort comes of the death, at once, and not of the deadline, which is far."""
    broker.start(*BRISK, modules=("a", "b"))
    seen, logged = [], []
    for _ in range(DEATHS):
        killed, outcome = one_death(broker)
        expect(outcome, "refused")
        (reason,) = outcome["reasons"]
        assert reason["module"] == "b"
        assert reason["message"] == "died (killed by SIGKILL) while it was asked"
        lines = [line for line in broker.ask("dmesg")["lines"]
                 if line["event"] == "died" or line.get("txid") == outcome["txid"]]  # fmt: skip
        abort = next(line for line in lines if line["event"] == "abort")
        died = [line for line in lines if line["event"] == "died"][-1]
        seen.append(stamp(abort) - killed)
        logged.append(stamp(abort) - stamp(died))
        broker.wait_for("b", "running")
    seen.sort()
    print(f"death to ABORT, {DEATHS} times: median {statistics.median(seen) * 1e3:.2f} ms, "
          f"p99 {seen[int(0.99 * DEATHS)] * 1e3:.2f} ms; of it in the broker: "
          f"median {statistics.median(logged) * 1e3:.2f} ms")  # fmt: skip
    assert seen[-1] < AT_ONCE
    assert broker.judge_at_rest() == []


def one_death(broker: ChaosBroker) -> tuple[float, dict[str, Any]]:
    """Kill b while it prepares; when that was, and what the client was told."""
    broker.write(b="hang")
    struck = sum(record.what == "struck" for record in broker.diary_of("b"))
    client = broker.begin("config", "reload", "--json", "--timeout", FAR)
    until(lambda: sum(record.what == "struck" for record in broker.diary_of("b")) > struck)
    pid = broker.pid("b")
    killed = time.time()
    os.kill(pid, signal.SIGKILL)
    out, _ = client.communicate(timeout=PATIENCE)
    assert client.returncode == 1
    return killed, json.loads(out)


def die_in_reload(broker: ChaosBroker, plan: Plan) -> None:
    """A reload in which the broker strikes itself down by `plan`."""
    plans.place(broker.plans / "broker", plan)
    client = broker.begin("config", "reload", "--timeout", FAR)
    assert broker.wait_dead() == -signal.SIGKILL
    _, err = client.communicate(timeout=PATIENCE)
    assert client.returncode == 3, "nobody can know"
    assert "`flux config status` tells" in err


def test_broker_killed_after_the_decision(broker: ChaosBroker) -> None:
    broker.start(modules=("m",))
    with broker.attached("survivor") as (survivor,):
        base, serial = broker.generation, broker.write()
        die_in_reload(broker, Plan("before", title="TellCommit"))
        assert broker.rows()[-1].generation == base + 1
        assert survivor.in_doubt is not None
        assert survivor.generation == base, "it waits, and decides nothing by itself"
        broker.start(modules=("m",))
        assert survivor.wait_for(base + 1, PATIENCE)
        assert survivor.in_doubt is None
        assert broker.generation == base + 1
        assert broker.flux("config", "get", "voter.serial").stdout == f"{serial}\n"
        broker.wait_for("survivor", "running")
        assert broker.judge_at_rest() == []


def test_broker_killed_before_the_decision(broker: ChaosBroker) -> None:
    old = (broker.files / "voter.toml").read_text()
    broker.start(modules=("m",))
    with broker.attached("survivor") as (survivor,):
        base, digest = broker.generation, survivor.digest
        broker.write()
        die_in_reload(broker, Plan("before", title="Decision"))
        until(lambda: survivor.in_doubt, what="the survivor is in doubt")
        assert (survivor.generation, survivor.digest) == (base, digest)
        broker.write_text(old)
        broker.start(modules=("m",))
        until(lambda: survivor.in_doubt is None, what="the doubt is over")
        broker.wait_for_record("survivor", "released")
        broker.wait_for("survivor", "running")
        assert (broker.generation, survivor.generation, survivor.digest) == (base, base, digest)
        broker.write()
        assert broker.commits()["generation"] == base + 1
        assert broker.judge_at_rest() == []


def test_changed_files_are_put_to_the_survivors(broker: ChaosBroker) -> None:
    """The files that nobody has decided on yet are a proposal to the next life."""
    broker.start(modules=("m",))
    with broker.attached("survivor") as (survivor,):
        base = broker.generation
        broker.write()
        die_in_reload(broker, Plan("before", title="Decision"))
        broker.start(modules=("m",))
        assert broker.generation == base + 1
        assert "survivor" in broker.rows()[-1].members
        assert survivor.wait_for(base + 1, PATIENCE)
        assert broker.judge_at_rest() == []
