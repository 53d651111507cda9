# SPDX-License-Identifier: LGPL-3.0-or-later
"""Standard streams that are closed, full or read by nobody: the change is what counts.

The exit status is that of the change, and nobody gets to see a traceback.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broker import RunningBroker
from tests.support.client_calls import FLUX
from tests.support.patience import PATIENCE, until

SLOW = """\
import time
from participant import Module

class Slow(Module):
    table = "slow"

    class Config(Module.Config):
        prepare: float = 0.0
        commit: float = 0.0

    def prepare(self, new, config):
        time.sleep(new.prepare)
        return new.commit

    def commit(self, staged):
        time.sleep(staged)
"""


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    broker = RunningBroker("[sample]\ni = 7\n").start()
    yield broker
    broker.close()


def shell(
    broker: RunningBroker, line: str, unbuffered: bool = False
) -> "subprocess.CompletedProcess[str]":
    """Run a line of shell in which `flux` is ours."""
    flux = f'flux() {{ {" ".join(FLUX)} "$@"; }}\n'
    environment = {**broker.environment, "PYTHONUNBUFFERED": "1" if unbuffered else ""}
    return subprocess.run(["bash", "-c", "set -o pipefail\n" + flux + line], env=environment,
                          capture_output=True, text=True, timeout=2 * PATIENCE)  # fmt: skip


BROKEN = ("2>&-", "<&-", ">&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>&1", "| true",
          ">&- 2>&-", "<&- >&- 2>&-")  # fmt: skip
PRINTING = ("config get", "config status", "module list", "lsattr", "--help")


@pytest.mark.parametrize("broken", BROKEN)
def test_the_status_is_that_of_the_change(broker: RunningBroker, broken: str) -> None:
    before = broker.generation
    done = shell(broker, f"flux config set sample.i {time.time_ns() % 10**9} {broken}")
    assert (done.returncode, broker.generation) == (0, before + 1), done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "Exception ignored" not in done.stderr
    refused = shell(broker, f"flux config set sample.i nonsense {broken}")
    assert (refused.returncode, broker.generation) == (1, before + 1), refused.stderr
    assert "Traceback" not in refused.stderr
    if broken == "2>&-":
        assert refused.stdout == "", "what goes wrong is no result"
    as_json = shell(broker, f"flux config set --json sample.i 8 {broken}")
    assert as_json.returncode == 0
    usage = shell(broker, f"flux config set {broken}")
    assert usage.returncode == 1
    assert "Traceback" not in usage.stderr + usage.stdout


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize(
    "words", ["config get", "config status", "module list", "lsattr", "--help"]
)
def test_what_only_prints(broker: RunningBroker, words: str, broken: str) -> None:
    """A full disk and a closed stdout are errors; a reader who has gone has what he wanted."""
    done = shell(broker, f"flux {words} {broken}")
    assert "Traceback" not in done.stderr + done.stdout
    assert "Exception ignored" not in done.stderr
    fails = broken.startswith(">/dev/full") or ">&-" in broken.split()
    assert done.returncode in ((1,) if fails else (0, 141)), done.stderr
    assert ("No space left" in done.stderr) == (broken == ">/dev/full"), done.stderr


@pytest.mark.parametrize("broken", [">/dev/full", "| true"])
def test_without_a_buffer(broker: RunningBroker, broken: str) -> None:
    """PYTHONUNBUFFERED: print itself fails, not the last flush."""
    done = shell(broker, f"flux config set sample.i {time.time_ns() % 10**9} {broken}", True)
    assert done.returncode == 0, done.stderr
    done = shell(broker, f"flux config get {broken}", True)
    assert done.returncode == {">/dev/full": 1, "| true": 141}[broken], done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_stdin_is_not_the_empty_configuration(broker: RunningBroker) -> None:
    before = broker.generation
    done = shell(broker, "flux config load <&-")
    assert (done.returncode, broker.generation) == (1, before)
    assert "<stdin>: it is closed" in done.stderr
    done = shell(broker, "flux config load < /")
    assert (done.returncode, broker.generation) == (1, before)
    assert "Traceback" not in done.stderr


def test_a_watch_ends_with_its_reader(broker: RunningBroker) -> None:
    """Without another generation that would have to be printed."""
    began = time.monotonic()
    done = shell(broker, "flux config watch | head -n 1")
    assert json.loads(done.stdout)["set"]
    assert time.monotonic() - began < PATIENCE
    assert "Traceback" not in done.stderr


def test_a_watch_that_cannot_print_ends(broker: RunningBroker) -> None:
    done = shell(broker, f"timeout {PATIENCE:g} {' '.join(FLUX)} config watch >&-")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr


def test_a_start_with_broken_streams(broker: RunningBroker, tmp_path: Path) -> None:
    for broken in BROKEN:
        done = shell(broker, f"flux start -S broker.rc1_path= sh -c 'exit 7' {broken}")
        assert done.returncode == 7, (broken, done.stderr)
        assert "Traceback" not in done.stderr + done.stdout
    (tmp_path / "bad.toml").write_text("x = \n")
    for broken in BROKEN:
        done = shell(broker, f"flux start -c {tmp_path} true {broken}")
        assert done.returncode == 1, (broken, done.stderr)
        assert "Traceback" not in done.stderr + done.stdout


# Ctrl-C


@pytest.fixture
def slow() -> Iterator[RunningBroker]:
    broker = RunningBroker("[sample]\ni = 7\n").start()
    (broker.root / "slow.py").write_text(SLOW)
    assert broker.flux("module", "load", str(broker.root / "slow.py")).returncode == 0
    yield broker
    broker.close()


INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background ignores it
from cli.main import main
sys.exit(main())
"""


def interrupted(broker: RunningBroker, state: str, *arguments: str) -> tuple[int, str]:
    """Exit status and stderr of a change that is interrupted in this state."""
    with subprocess.Popen([sys.executable, "-c", INTERRUPTIBLE, "config", *arguments], text=True,
                          env=broker.environment, stderr=subprocess.PIPE) as process:  # fmt: skip
        until(lambda: _state(broker) == state, f"the change is {state}")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said


def _state(broker: RunningBroker) -> str:
    return str(broker.json("status", "--json").get("transaction", {}).get("state"))


def test_ctrl_c_after_the_decision_says_that_it_was_committed(slow: RunningBroker) -> None:
    number = slow.generation + 1
    status, said = interrupted(slow, "committing", "set", "--type=real", "slow.commit", "6")
    assert (status, slow.generation) == (3, number), said
    assert f"generation {number} is committed" in said
    assert "not applied yet by slow" in said
    assert "Traceback" not in said


def test_ctrl_c_before_the_decision_says_that_nothing_changed(slow: RunningBroker) -> None:
    number = slow.generation
    status, said = interrupted(slow, "preparing", "set", "--type=real", "slow.prepare", "4")
    assert (status, slow.generation) == (130, number), said
    assert f"nothing changed: generation {number} stays in force" in said


def test_a_hung_up_terminal(broker: RunningBroker) -> None:
    """The line that says who is waited for has nowhere to go."""
    ours, theirs = os.openpty()
    with subprocess.Popen([*FLUX, "config", "set", "sample.i", "11"], env=broker.environment,
                          stderr=theirs, start_new_session=True) as process:  # fmt: skip
        os.close(ours)
        os.close(theirs)
        assert process.wait(PATIENCE) == 0


def test_bytes_that_are_no_text_come_out_as_they_went_in(broker: RunningBroker) -> None:
    done = subprocess.run([*FLUX, "config", "get", "-d", b"\xff\xfe", "no.such"],
                          env=broker.environment, capture_output=True, check=False)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"\xff\xfe\n")
