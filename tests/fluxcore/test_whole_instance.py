# SPDX-License-Identifier: LGPL-3.0-or-later
"""An instance with all of flux-core's modules, whose agents are started by the task for rc1."""

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.fluxcore.instance import ACCORD, ROOT, Instance
from tests.support.patience import until


@pytest.fixture
def whole(tmp_path: Path) -> Generator[Instance]:
    """Three brokers with rc1 and rc3."""
    made = Instance()
    program = tmp_path / "flux-accord"
    program.write_text(f'#!/bin/sh\nexec {" ".join(ACCORD)} "$@"\n')
    program.chmod(0o755)
    made.environment["PATH"] = os.pathsep.join([str(tmp_path), made.environment["PATH"]])
    made.environment["FLUX_MODPROBE_PATH_APPEND"] = str(ROOT / "examples" / "fluxcore")
    made.rc = ()
    made.start()
    try:
        yield made
    finally:
        made.close()


def test_modules_are_born_with_what_is_in_force_and_jobs_run_on(whole: Instance) -> None:
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
    assert whole.accord("down").status == 0
    assert whole.flux("run", "-N3", "true").status == 0
    assert whole.stop() == 0


@pytest.mark.parametrize("dead", ["agents", "all of them", "agents stand still"])
def test_the_end_is_clean_though_they_are_dead(whole: Instance, dead: str) -> None:
    """rc3 asks for `config.get` before it unloads anything (flux-modprobe(1))."""
    for rank in range(3):
        if dead == "all of them":
            whole.kill_all_of(rank)
        else:
            how = signal.SIGSTOP if dead == "agents stand still" else signal.SIGKILL
            os.kill(whole.agent_pid(rank), how)
    assert whole.stop() == 0, whole.log_text()[-3000:]
    assert "was not properly shut down" not in whole.log_text()
    until(lambda: not whole.leftovers(), "nobody outlives the brokers")
