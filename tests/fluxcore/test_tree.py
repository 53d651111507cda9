# SPDX-License-Identifier: LGPL-3.0-or-later
"""Agents below agents: what is passed on, and what becomes of those below one that dies."""

import os
import signal
import time
from collections.abc import Generator

import pytest

from tests.fluxcore.instance import Instance
from tests.support.patience import AT_ONCE, until


@pytest.fixture
def chain() -> Generator[Instance]:
    """Rank 3 below rank 2 below rank 1 below rank 0."""
    made = Instance(4, "-Stbon.topo=kary:1").start()
    try:
        yield made.up()
    finally:
        made.close()


def test_all_reasons_come_up_and_large_candidates_go_down(chain: Instance) -> None:
    for rank in range(4):
        chain.load_module("voter", "max=5", rank=rank)
    large = {"voter": {"n": 5}, "text": {str(n): "x" * 1000 for n in range(1000)}}
    assert chain.load(large, rank=3).status == 0
    assert chain.configs() == [large] * 4
    done = chain.load({"voter": {"n": 7}})
    assert [line for line in done.lines if "n: 7 is more than 5" in line] == [
        "flux-config: load: rank 0: voter: n: 7 is more than 5",
        *(f"rank {rank}: voter: n: 7 is more than 5" for rank in range(1, 4)),
    ]
    assert chain.configs() == [large] * 4
    for rank in range(4):
        assert chain.flux("module", "remove", "voter", rank=rank).status == 0


def test_an_agent_that_dies_takes_those_below_it_with_it(chain: Instance) -> None:
    """While all are asked; afterwards all are reached again."""
    chain.load_module("voter", rank=3)
    running = chain.popen("config", "set", "--type=integer", "voter.sleep", "8")
    until(lambda: _is_asked(chain), "rank 3 is asked")
    began = time.monotonic()
    os.kill(chain.agent_pid(1), signal.SIGKILL)
    _, text = running.communicate(timeout=AT_ONCE)
    assert running.returncode == 1
    assert time.monotonic() - began < 4
    assert "rank 1: died (its agent is gone) while it was asked" in text
    assert "rank 3: lost its connection while it was asked" in text
    assert chain.accord("agent", "--detach", rank=1).status == 0
    until(lambda: chain.load({"a": {"n": 2}}, rank=3).status == 0, "all ranks are reached")
    assert chain.configs() == [{"a": {"n": 2}}] * 4
    assert chain.flux("module", "remove", "voter", rank=3).status == 0


def _is_asked(chain: Instance) -> bool:
    return "awaited: rank 3\n" in chain.accord("config", "status").text
