# SPDX-License-Identifier: LGPL-3.0-or-later
"""kill -9 of an agent at any moment of a change: all ranks end on one configuration, always.

CHAOS_SEED=N repeats the moments.
"""

import os
import random
import signal
import time
from functools import partial

from tests.fluxcore.instance import Instance
from tests.support.patience import until

ROUNDS = 9


def test_agents_die_at_any_moment(instance: Instance) -> None:
    chance = random.Random(int(os.environ.get("CHAOS_SEED", "7")))
    for rank in range(3):
        instance.load_module("voter", "max=1000", rank=rank)
    instance.up()
    for n in range(1, ROUNDS + 1):
        rank = n % 3
        pid = instance.agent_pid(rank)
        typed = instance.popen("config", "set", "--type=integer", "voter.n", str(n))
        time.sleep(chance.uniform(0.0, 0.08))
        os.kill(pid, signal.SIGKILL)
        until(partial(_is_dead, instance, rank), "it is dead")
        done = instance.accord("agent", "--detach", rank=rank)
        assert done.status == 0, f"{done}\n{instance.log_text()}"
        until(lambda: _agreed(instance) is not None, "all ranks on one configuration")
        if rank == 0:
            typed.kill()  # what it was asking is dead, and answers no more
        typed.wait()
        assert _agreed(instance) in ({"voter": {"n": n}}, _before(n), {}), instance.configs()
        last = instance.load({"voter": {"n": 100 + n}})
        assert last.status == 0, f"{last}\n{instance.log_text()}"
        assert instance.configs() == [{"voter": {"n": 100 + n}}] * 3
        for each in range(3):
            assert instance.told("voter", each)["ran"][-1] == 100 + n


def _is_dead(instance: Instance, rank: int) -> bool:
    return not instance.has_agent(rank)


def _before(n: int) -> object:
    return {"voter": {"n": 99 + n}}


def _agreed(instance: Instance) -> object:
    """What all ranks tell; None where they do not agree, or some do not answer."""
    try:
        first, *others = instance.configs()
    except OSError:
        return None
    return first if all(other == first for other in others) else None
