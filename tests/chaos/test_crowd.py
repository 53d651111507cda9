# SPDX-License-Identifier: LGPL-3.0-or-later
"""Fifty clients at once, some of them killed: nobody is told what is not so, nothing is left."""

import random
import re
import signal
import time

from tests.chaos import footprint
from tests.chaos.broker import ChaosBroker
from tests.chaos.test_malformed import SEED
from tests.support.patience import FAR, PATIENCE, until

CROWD = 50


def test_fifty_clients_killed_at_random(broker: ChaosBroker) -> None:
    broker.start(modules=("a", "b"))
    assert broker.process is not None
    broker.flux("config", "get")
    pid = broker.process.pid
    before, base = footprint.of(pid), broker.generation
    source = random.Random(SEED)
    serials = range(1_000_000, 1_000_000 + CROWD)
    clients = {
        serial: broker.begin("config", "set", "voter.serial", str(serial), "--timeout", FAR)
        for serial in serials
    }
    doomed = source.sample(serials, CROWD // 2)
    for serial in doomed:
        time.sleep(source.random() * 0.04)
        clients[serial].send_signal(source.choice((signal.SIGKILL, signal.SIGINT)))
    told = {serial: one.communicate(timeout=3 * PATIENCE)[0] for serial, one in clients.items()}
    until(lambda: "transaction" not in broker.ask("status"))
    committed = [row.generation for row in broker.rows() if row.generation > base]
    for serial in serials:
        if clients[serial].returncode == 0:
            found = re.search(r"generation (\d+)", told[serial])
            assert found is not None, told[serial]
            assert int(found[1]) in committed
        else:
            assert serial in doomed, "who was not killed got through"
    done = [client.returncode for client in clients.values()].count(0)
    print(f"seed {SEED}: {CROWD} clients, {CROWD // 2} of them struck: {done} told of a commit, "
          f"{len(committed)} commits")  # fmt: skip
    assert done <= len(committed) <= CROWD
    until(lambda: footprint.of(pid).descriptors <= before.descriptors)
    assert broker.judge_at_rest() == []
