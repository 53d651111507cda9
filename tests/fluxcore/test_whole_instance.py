# SPDX-License-Identifier: LGPL-3.0-or-later
"""An instance with all of flux-core's modules, whose agents are started by the task for rc1."""

import os
import signal

import pytest

from tests.fluxcore.instance import Instance
from tests.support.patience import until


def test_jobs_run_on_and_the_code_of_flux_has_the_last_word(whole: Instance) -> None:
    whole.start()
    assert [whole.has_agent(rank) for rank in range(3)] == [True] * 3
    assert whole.flux("run", "-N3", "true").status == 0
    job = whole.popen("run", "-N3", "sleep", "3")
    assert whole.load({"heartbeat": {"period": "7s"}}).status == 0
    done = whole.load({"heartbeat": {"period": "never"}, "policy": {"jobspec": 5}}, rank=1)
    assert done.status == 1
    assert "rank 0: heartbeat: heartbeat.period: " in done.text
    assert "rank 0: job-manager: " in done.text
    assert "rank 2: job-ingest: policy.jobspec: must be a table" in done.text
    assert whole.configs() == [{"heartbeat": {"period": "7s"}}] * 3
    assert job.wait() == 0
    _the_code_refuses_what_the_validator_takes(whole)
    assert whole.accord("down").status == 0
    assert whole.flux("run", "-N3", "true").status == 0
    assert whole.stop() == 0


def _the_code_refuses_what_the_validator_takes(whole: Instance) -> None:
    """A later flux-core has `bgexec`, and so has the validator; 0.88.0 has it not."""
    tree = {"exec": {"method": "bgexec"}}
    done = whole.load(tree)
    if done.status == 0:
        return  # this is a later flux-core
    assert "rank 0: job-exec: exec.method: unknown exec.method 'bgexec' (rehearsed)" in done.text
    assert "nothing changed" in done.text
    typed = ("--type=string", "exec.method", "bgexec")
    done = whole.accord("config", "set", "--no-rehearse", *typed)
    assert done.status == 1
    assert "rank 0: failed in commit: job-exec: unknown exec.method 'bgexec'" in done.text
    assert "undone" in done.text
    assert whole.configs() == [{"heartbeat": {"period": "7s"}}] * 3


@pytest.mark.parametrize("dead", ["agents", "all of them", "agents stand still"])
def test_the_end_is_clean_though_they_are_dead(whole: Instance, dead: str) -> None:
    """rc3 asks for `config.get` before it unloads anything (flux-modprobe(1))."""
    whole.start()
    for rank in range(3):
        if dead == "all of them":
            whole.kill_all_of(rank)
        else:
            how = signal.SIGSTOP if dead == "agents stand still" else signal.SIGKILL
            os.kill(whole.agent_pid(rank), how)
    assert whole.stop() == 0, whole.log_text()[-3000:]
    assert "was not properly shut down" not in whole.log_text()
    until(lambda: not whole.leftovers(), "nobody outlives the brokers")
