# SPDX-License-Identifier: LGPL-3.0-or-later
"""A change is rehearsed: flux-core's own modules are asked in an instance beside the real one."""

import os
import signal
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.fluxcore.instance import Instance, lives
from tests.support.patience import until

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


def stages(instance: Instance) -> dict[str, list[int]]:
    """The instances beside the real one by their directories, with the processes of each."""
    found: dict[str, list[int]] = {
        place.name: [] for place in instance.root.glob("flux-accord-rehearsal-*")
    }
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes().decode()
            for name, pids in found.items():
                if name in command:
                    pids.append(int(entry.name))
    return found


def change(instance: Instance, n: int) -> dict[str, list[int]]:
    """One that is accepted; the instance that there is when others have ended."""
    tree = {"heartbeat": {"period": f"{n}s"}}
    done = instance.load(tree)
    assert done.status == 0, done
    assert instance.configs() == [tree] * 2
    until(lambda: len(stages(instance)) == 1, "there is one")
    return stages(instance)


def test_an_instance_is_kept_for_the_next_change(rehearsing: Instance) -> None:
    """Until something was given to it that did not come into force."""
    (first,) = change(rehearsing, 3)
    assert list(change(rehearsing, 4)) == list(change(rehearsing, 5)) == [first]
    assert rehearsing.load({"heartbeat": {"period": "never"}}).status == 1
    until(lambda: first not in stages(rehearsing), "it is gone")
    (second,) = change(rehearsing, 6)
    done = rehearsing.accord("config", "set", "--dry-run", "--type=integer", "a.n", "1")
    assert done.status == 0, done
    until(lambda: second not in stages(rehearsing), "it is gone")
    done = rehearsing.accord("config", "set", "--no-rehearse", "--type=integer", "a.n", "2")
    assert done.status == 0, done
    assert rehearsing.load({"tbon": {"torpid_max": "never"}}).status == 1
    change(rehearsing, 7)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_what_becomes_of_it_is_no_reason_against_a_change(
    rehearsing: Instance, number: signal.Signals
) -> None:
    ((first, pids),) = change(rehearsing, 3).items()
    for pid in pids:
        os.kill(pid, number)
    assert first not in change(rehearsing, 4)
    until(lambda: not any(map(lives, pids)), "its processes are gone")


def test_nothing_of_it_is_left_when_the_agent_is_killed(rehearsing: Instance) -> None:
    ((first, pids),) = change(rehearsing, 3).items()
    before = rehearsing.agent_pid(0)
    os.kill(before, signal.SIGKILL)
    until(lambda: not any(map(lives, pids)), "its processes are gone")
    until(lambda: not stages(rehearsing), "its directory is gone")
    until(lambda: rehearsing.served_anew(0, before), "there is another agent")
    (second,) = change(rehearsing, 4)
    assert second != first
    assert rehearsing.accord("down").status == 0
    until(lambda: not stages(rehearsing), "nothing is left when agents end, either")


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
