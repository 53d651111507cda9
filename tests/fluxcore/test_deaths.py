# SPDX-License-Identifier: LGPL-3.0-or-later
"""What dies in an instance, and who is answered nevertheless.

CHAOS_SEED=N repeats the moments.
"""

import os
import random
import signal
import sys
import time
from functools import partial

from protocol import limits
from tests.chaos.campaign import Tally
from tests.fluxcore.campaign import Campaign, Command
from tests.fluxcore.instance import Instance, lives
from tests.fluxcore.verdicts import Ended, number_in
from tests.support.patience import AT_ONCE, until

ROUNDS = 12
AGENT = (sys.executable, "-m", "cli.accord", "agent", "--behind")


def chance() -> random.Random:
    """The moments."""
    return random.Random(int(os.environ.get("CHAOS_SEED", "7")))


def test_a_standby_takes_the_name_and_goes_on(instance: Instance) -> None:
    instance.up()
    assert instance.load({"a": {"n": 1}}).status == 0
    for rank in (0, 2):
        before = instance.processes(rank)
        os.kill(before["front"], signal.SIGKILL)
        until(partial(instance.is_served, rank), "the standby serves")
        after = instance.processes(rank)
        assert after["front"] == before["standby"]
        assert after["agent"] == before["agent"]
        assert after["standby"] not in (0, before["standby"])
    assert instance.configs() == [{"a": {"n": 1}}] * 3
    assert instance.load({"a": {"n": 2}}, rank=2).status == 0
    assert instance.configs() == [{"a": {"n": 2}}] * 3
    os.kill(instance.processes(0)["standby"], signal.SIGKILL)
    until(lambda: instance.processes(0)["standby"] != after["standby"], "there is another")
    assert instance.accord("down").status == 0
    assert instance.flux("config", "get").text == '{"a":{"n":2}}\n'


def test_an_agent_that_has_neither_starts_a_front(instance: Instance) -> None:
    instance.up()
    before = instance.processes(0)
    os.kill(before["standby"], signal.SIGKILL)
    os.kill(before["front"], signal.SIGKILL)
    until(lambda: instance.is_served(0), "there is a front again")
    assert instance.processes(0)["agent"] == before["agent"]
    assert instance.load({"a": {"n": 1}}).status == 0
    assert instance.configs() == [{"a": {"n": 1}}] * 3
    assert instance.stop() == 0


def test_fronts_die_at_any_moment_of_a_change(instance: Instance) -> None:
    """Who asked at the front that died may wait for ever (Flux); nobody else does."""
    campaign, tally, moments = Campaign(instance), Tally("fronts"), chance()
    for turn in range(ROUNDS):
        rank, asked_on = turn % 3, turn // 3 % 3
        before, asked = campaign.in_force, campaign.next_number()
        assert before is not None
        victim = instance.processes(rank)[moments.choice(["front", "front", "standby"])]
        command = Command(instance, asked, asked_on)
        time.sleep(moments.uniform(0.0, 0.3))
        os.kill(victim, signal.SIGKILL)
        ended = command.wait(5 if rank == asked_on else AT_ONCE)
        until(partial(instance.is_served, rank), "it is served")
        if ended.status is None and rank == asked_on:
            ended = Ended(1, "nobody told")
        tally.found(f"rank {rank}", campaign.judge(before, asked, False, ended))
    assert tally.violations == []


def test_clients_die_at_any_moment_of_a_change(instance: Instance) -> None:
    campaign, tally, moments = Campaign(instance), Tally("clients"), chance()
    for turn in range(ROUNDS):
        before, asked = campaign.in_force, campaign.next_number()
        assert before is not None
        command = Command(instance, asked, turn % 3)
        time.sleep(moments.uniform(0.0, 0.3))
        command.kill()
        campaign.settle()
        tally.found("client", campaign.judge(before, asked, False, Ended(1, "dead")))
    assert tally.violations == []


def test_who_waits_is_told_when_the_agent_does_not_come_back(instance: Instance) -> None:
    barrier = instance.root / "no-more"
    for rank in range(3):
        agent = f"test ! -e {barrier} && exec {' '.join(AGENT)}"
        instance.start_front(rank, "/bin/sh", "-c", agent, AGENT_AWAY_SECONDS=1.0)
    until(lambda: all(map(instance.is_served, range(3))), "all ranks are served")
    instance.load_module("voter", rank=1)
    assert instance.load({"voter": {"n": 1}}).status == 0
    waits = instance.popen("config", "set", "--type=integer", "voter.sleep", "5")
    time.sleep(0.5)
    barrier.touch()
    os.kill(instance.agent_pid(0), signal.SIGKILL)
    _, text = waits.communicate(timeout=AT_ONCE)
    assert waits.returncode == 1
    assert "this rank's agent has died; it is not known whether the change was made" in text
    assert number_in(instance.config(0)) == 1  # reading goes on
    done = instance.load({"voter": {"n": 2}})
    assert done.status == 1
    assert "this rank's agent is not there" in done.text
    assert done.lines[-1] == "nothing changed; generation 2 stays in force"
    barrier.unlink()
    assert instance.accord("agent", "--detach").status == 0  # no long pause then
    until(lambda: instance.load({"voter": {"n": 3}}).status == 0, "the module has woken up")
    assert [number_in(told) for told in instance.configs()] == [3] * 3


def test_a_coordinator_that_stands_still_hangs_nobody(instance: Instance) -> None:
    """Whoever asks is told soon, and what nobody waits for is not made when it goes on."""
    instance.up()
    assert instance.load({"a": {"n": 1}}).status == 0
    agent = instance.agent_pid(0)
    os.kill(agent, signal.SIGSTOP)
    waiting = [instance.popen("config", "set", "--type=integer", f"a.r{rank}", "1", rank=rank)
               for rank in range(3)]  # fmt: skip
    for rank, command in enumerate(waiting):
        _, text = command.communicate(timeout=AT_ONCE + limits.AGENT_STILL_SECONDS)
        whose = "rank 0's" if rank else "this rank's"
        assert f"{whose} agent stands still; it is not known whether the change was made" in text
        assert "by its txid " in text
    assert instance.configs() == [{"a": {"n": 1}}] * 3
    os.kill(agent, signal.SIGCONT)
    until(lambda: instance.accord("config", "set", "--type=integer", "a.n", "3").status == 0,
          "it goes on")  # fmt: skip
    assert "r0" not in instance.config(0)["a"]
    assert instance.configs() == [instance.config(0)] * 3


def test_an_agent_that_does_not_answer_in_time(instance: Instance) -> None:
    for rank in range(3):
        instance.start_front(rank, *AGENT, FRONT_ANSWER_SECONDS=2.0)
    until(lambda: all(map(instance.is_served, range(3))), "all ranks are served")
    assert instance.load({"a": {"n": 1}}).status == 0
    agent = instance.agent_pid(0)
    os.kill(agent, signal.SIGSTOP)
    for rank in range(3):
        done = instance.load({"a": {"n": 2}}, rank=rank)
        assert done.status == 1
        assert "this rank's agent does not answer; it is not known whether" in done.text
    assert instance.configs() == [{"a": {"n": 1}}] * 3
    os.kill(agent, signal.SIGCONT)
    until(lambda: instance.load({"a": {"n": 3}}).status == 0, "it goes on")
    assert instance.configs() == [{"a": {"n": 3}}] * 3


def test_the_end_is_clean_whatever_is_dead(instance: Instance) -> None:
    """Rank 0 has its agent killed, rank 1 all three, rank 2's agent stands still."""
    instance.up()
    pids = [pid for rank in range(3) for pid in instance.processes(rank).values()]
    os.kill(instance.agent_pid(2), signal.SIGSTOP)
    instance.kill_all_of(1)
    os.kill(instance.agent_pid(0), signal.SIGKILL)
    assert instance.stop() == 0
    until(lambda: not any(map(lives, pids)), "nobody outlives the brokers")
    until(lambda: not instance.leftovers(), "nor does anybody who was started since")


def test_down_ends_what_is_left(instance: Instance) -> None:
    instance.up()
    assert instance.load({"a": {"n": 1}}).status == 0
    pids = [pid for rank in range(3) for pid in instance.processes(rank).values()]
    os.kill(instance.agent_pid(1), signal.SIGKILL)
    os.kill(instance.processes(2)["front"], signal.SIGKILL)
    done = instance.accord("down")
    assert done.status == 0, done
    until(lambda: not any(map(lives, pids)) and not instance.leftovers(), "nobody is left")
    assert instance.configs() == [{"a": {"n": 1}}] * 3
    assert [instance.flux("config", "get", rank=rank).status for rank in range(3)] == [0] * 3
