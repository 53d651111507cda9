# SPDX-License-Identifier: LGPL-3.0-or-later
"""Agents that come and go, with their brokers and without."""

import os
import signal
import time

from tests.fluxcore.instance import Instance, lives
from tests.support.patience import AT_ONCE, until


def test_down_gives_config_back_with_what_runs(instance: Instance) -> None:
    instance.up()
    assert instance.load({"a": {"n": 1}}).status == 0
    done = instance.accord("down")
    assert done.status == 0, done
    assert instance.flux("config", "get").text == '{"a":{"n":1}}\n'
    assert instance.flux("config", "set", "--type=integer", "a.n", "2").status == 0
    assert "config" in instance.flux("module", "list").text
    instance.up()
    assert instance.configs() == [{"a": {"n": 2}}] * 3
    assert instance.stop() == 0


def test_the_end_is_clean_with_the_agents_alive(instance: Instance) -> None:
    instance.up()
    pids = [pid for rank in range(3) for pid in instance.processes(rank).values()]
    assert instance.stop() == 0
    until(lambda: not any(map(lives, pids)), "the agents end with their brokers")


def test_up_may_be_said_again(instance: Instance) -> None:
    instance.up()
    instance.kill_all_of(1)
    instance.up()
    instance.up()
    assert instance.load({"a": {"n": 1}}).status == 0
    assert instance.configs() == [{"a": {"n": 1}}] * 3


def test_a_second_agent_of_a_rank_is_told_so(instance: Instance) -> None:
    instance.up()
    done = instance.accord("agent")
    assert done.status == 1
    assert done.text == "flux-accord agent: this rank has an agent already\n"


def test_a_rank_without_its_agent_is_not_passed_over(instance: Instance) -> None:
    instance.up()
    instance.kill_all_of(2)
    done = instance.load({"a": {"n": 1}})
    assert done.status == 1
    assert "rank 2: " in done.text
    assert instance.config(0) == instance.config(1) == {}
    assert instance.accord("agent", "--detach", rank=2).status == 0
    assert instance.load({"a": {"n": 1}}).status == 0
    assert instance.configs() == [{"a": {"n": 1}}] * 3


def test_an_agent_that_dies_while_it_is_asked_is_a_no_at_once(instance: Instance) -> None:
    instance.load_module("voter", rank=2)
    instance.up()
    running = instance.popen("config", "set", "--type=integer", "voter.sleep", "8")
    pid = instance.agent_pid(2)
    time.sleep(0.5)
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    _, text = running.communicate(timeout=AT_ONCE)
    assert running.returncode == 1
    assert "rank 2: " in text
    assert time.monotonic() - began < 4
    assert instance.config(0) == {}


def test_the_coordinator_comes_back_with_its_ledger(instance: Instance) -> None:
    instance.up()
    assert instance.load({"a": {"n": 1}}).status == 0
    before = instance.agent_pid(0)
    os.kill(before, signal.SIGKILL)
    until(lambda: instance.served_anew(0, before), "it is started again")
    assert instance.configs() == [{"a": {"n": 1}}] * 3
    assert instance.load({"a": {"n": 2}}, rank=2).status == 0
    assert instance.configs() == [{"a": {"n": 2}}] * 3


def test_who_waits_for_a_coordinator_that_dies_is_told(instance: Instance) -> None:
    instance.load_module("voter", rank=2)
    instance.up()
    assert instance.load({"voter": {"n": 1}}).status == 0
    stopped = instance.agent_pid(2)
    os.kill(stopped, signal.SIGSTOP)
    running = instance.popen("config", "set", "--type=integer", "voter.n", "2", rank=1)
    time.sleep(0.5)
    os.kill(instance.agent_pid(0), signal.SIGKILL)
    _, text = running.communicate(timeout=AT_ONCE)
    os.kill(stopped, signal.SIGCONT)  # else it would outlive its broker
    assert running.returncode == 1
    assert "the agent died while it was asked\nnothing changed; generation 2 stays" in text


def test_an_agent_that_is_stopped_fails_a_change_at_its_deadline(instance: Instance) -> None:
    instance.up()
    pid = instance.agent_pid(1)
    os.kill(pid, signal.SIGSTOP)
    done = instance.accord("config", "set", "--timeout=1s", "--type=integer", "a.n", "1")
    assert done.status == 1
    assert "rank 1: did not answer within 1 s" in done.text
    os.kill(pid, signal.SIGCONT)
    until(lambda: instance.load({"a": {"n": 2}}).status == 0, "it votes again")
    assert instance.configs() == [{"a": {"n": 2}}] * 3
