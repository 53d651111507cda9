# SPDX-License-Identifier: LGPL-3.0-or-later
"""A change is rehearsed: flux-core's own modules are asked in an instance beside the real one."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.fluxcore.instance import Instance

REHEARSED = "job-exec: exec.method: unknown exec.method 'bgexec' (rehearsed)"


@pytest.fixture
def rehearsing() -> Generator[Instance]:
    """Two brokers whose agents rehearse, the default; rank 0 has a module to be rehearsed."""
    made = Instance(2).start()
    try:
        assert made.flux("module", "load", "heartbeat").status == 0
        assert made.accord("up").status == 0
        yield made
        assert made.flux("module", "remove", "heartbeat").status == 0
    finally:
        made.close()


def test_every_way_to_change_is_rehearsed(rehearsing: Instance) -> None:
    """The validator is more lenient here than the code: it takes what a later flux-core takes."""
    sample = {"heartbeat": {"period": "3s"}}
    assert rehearsing.load(sample).status == 0
    assert rehearsing.configs() == [sample] * 2
    done = rehearsing.load({"heartbeat": {"period": "never"}}, rank=1)
    assert done.status == 1
    assert "rank 0: heartbeat: heartbeat.period: " in done.text
    assert done.text.count("heartbeat.period") == 1, done  # the validator has said it
    done = rehearsing.accord("config", "set", "--dry-run", "--type=string",
                             "tbon.torpid_max", "never")  # fmt: skip
    assert done.status == 1, done
    assert rehearsing.configs() == [sample] * 2


def test_a_rehearsal_that_cannot_be_held_is_a_warning(rehearsing: Instance) -> None:
    """The agents think that flux-core's command is one that does not exist any more."""
    assert rehearsing.accord("down").status == 0
    link = rehearsing.root / "flux"
    os.symlink(rehearsing.environment["FLUX_CORE"], link)
    rehearsing.environment["FLUX_CORE"] = str(link)
    assert rehearsing.accord("up").status == 0
    Path(link).unlink()
    done = rehearsing.accord("config", "set", "--type=integer", "a.n", "1", rank=1)
    assert done.status == 0, done
    assert "rank 0: rehearsal: could not be held: " in done.text
    done = rehearsing.accord("config", "set", "--no-rehearse", "--type=integer", "a.n", "2")
    assert done.status == 0, done
    assert "rehearsal" not in done.text
    assert rehearsing.configs() == [{"a": {"n": 2}}] * 2
