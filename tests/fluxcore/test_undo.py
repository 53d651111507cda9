# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a rank could not apply is undone, also by the agent that takes the place of a dead one."""

import json
import os
import signal

from tests.fluxcore.instance import Instance
from tests.support.patience import PATIENCE, until

CHANGED = {"oldkind": {"n": 7}}


def test_rank_0_is_killed_between_decision_and_undo(instance: Instance) -> None:
    instance.load_module("oldkind", "max=5", "hang=20", rank=2)
    instance.up()
    assert instance.load({"a": {"n": 1}}).status == 0
    waits = instance.popen("config", "set", "--type=integer", "oldkind.n", "7")
    changed = {"a": {"n": 1}, **CHANGED}
    until(lambda: instance.config(0) == changed, "rank 0 runs what was decided")
    os.kill(instance.agent_pid(0), signal.SIGKILL)
    assert instance.accord("agent", "--detach").status == 0
    _, text = waits.communicate(timeout=PATIENCE)
    assert waits.returncode == 1
    assert "undone" in text
    until(lambda: _all_run(instance, {"a": {"n": 1}}), "all ranks are back")
    history = json.loads(instance.accord("config", "history", "--json").text)["history"]
    assert history[0]["message"].startswith("undoes generation 3: rank 2: ")
    drawn = instance.accord("config", "timeline", "3").text
    assert "undone by generation 4: rank 2: " in drawn
    assert "nobody confirmed it" not in drawn


def _all_run(instance: Instance, tree: object) -> bool:
    try:
        return instance.configs() == [tree] * 3
    except OSError:
        return False
