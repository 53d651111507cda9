# SPDX-License-Identifier: LGPL-3.0-or-later
"""A real broker whose power is cut, and whose disk fails, in the middle of changes.

`CHAOS_SEED=N CHAOS_ROUNDS=M` replays or lengthens it.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.chaos.broker import ChaosBroker
from tests.chaos.campaign import Asking, Tally
from tests.chaos.power import journal
from tests.chaos.power.journal import Disk
from tests.support.outcome import expect, told

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "4"))
SEED = int(os.environ.get("CHAOS_SEED", "15"))


@pytest.fixture
def broker(unjudged_broker: ChaosBroker) -> Iterator[ChaosBroker]:
    """Judged at the end, when it runs."""
    yield unjudged_broker
    assert unjudged_broker.judge_at_rest() == []


class Power:
    """One broker's disk, watched from when it is switched on."""

    def __init__(self, broker: ChaosBroker, library: Path) -> None:
        self._broker, self._library = broker, library
        self._fail = broker.root / "fail"
        self._journal = broker.root / "journal"
        self._disk = Disk(broker.statedir)

    def on(self, *options: str) -> None:
        """What is in the directory is on the disk.  A broker starts."""
        self._disk = Disk(self._broker.statedir)
        self._journal.unlink(missing_ok=True)
        self._broker.environment |= {
            **journal.environment(self._library, self._broker.statedir, self._journal),
            "POWER_FAIL_FILE": str(self._fail),
        }
        self._broker.write()
        self._broker.start(*options, modules=("m", "n"))

    @contextmanager
    def disk_fails(self) -> Iterator[None]:
        """Every fsync does, for so long."""
        self._fail.touch()
        try:
            yield
        finally:
            self._fail.unlink()

    def cut(self, style: journal.Style, chance: random.Random) -> None:
        """No process of the broker goes on, and the disk has what it has."""
        if self._broker.process is not None:
            self._broker.kill()
        for record in journal.read(self._journal):
            self._disk.happens(record)
        self._disk.cut(self._broker.statedir, style, chance)


def test_power_cuts(broker: ChaosBroker, library: Path) -> None:
    chance = random.Random(SEED)
    tally, power = Tally("power cuts"), Power(broker, library)
    committed = 0
    with broker.attached("y"):
        for number in range(ROUNDS):
            power.on()
            broker.wait_for("y", "running")
            assert broker.judge_at_rest(*tally.answers) == [], f"round {number}"
            until_cut = time.monotonic() + chance.uniform(0.02, 0.5)
            asking = None
            while time.monotonic() < until_cut or asking is None:
                broker.write(**({"n": "refuse"} if chance.random() < 0.3 else {}))
                asking = Asking(broker, tally, "reload")
                while not asking.over and time.monotonic() < until_cut:
                    time.sleep(0.001)
            power.cut(chance.choice(journal.STYLES), chance)
            asking.wait()
            results = [answer.outcome["result"] for answer in tally.answers]
            committed = results.count("committed")
        power.on()
        broker.wait_for("y", "running")
        assert broker.judge_at_rest(*tally.answers) == []
    assert committed >= ROUNDS, "the cuts came in the middle of changes, not before them"


def fails_and_starts_again(broker: ChaosBroker, power: Power, tally: Tally, *options: str) -> None:
    """The disk fails in a change, of which nothing is told; the next start goes on from there."""
    power.on(*options)
    base = broker.generation
    broker.write()
    with power.disk_fails():
        asking = Asking(broker, tally, "reload")
        assert broker.wait_dead() == 1
        outcome = asking.wait()
    assert outcome is None or outcome["result"] not in ("committed", "refused"), told(outcome)
    assert "the disk failed in mid-decision: disk I/O error" in broker.log_text()
    broker.write()
    broker.start(*options, modules=("m", "n"))
    assert broker.generation > base
    broker.write()
    expect(Asking(broker, tally, "reload").wait(), "committed")


def test_the_disk_fails_and_then_the_power(broker: ChaosBroker, library: Path) -> None:
    """The next start must not build on what is in the cache only."""
    tally, power = Tally("disk"), Power(broker, library)
    fails_and_starts_again(broker, power, tally)
    last = broker.generation
    power.cut("lost", random.Random(SEED))
    assert broker.rows()[-1].generation == last
    power.on()
    assert broker.generation == last + 1, "the files are a proposal"
    assert broker.judge_at_rest(*tally.answers) == []


def test_the_judges_see(unjudged_broker: ChaosBroker, library: Path) -> None:
    """What was told and is not there, with a bug that only a power cut brings to light."""
    broker, tally = unjudged_broker, Tally("betrayed")
    power = Power(broker, library)
    fails_and_starts_again(broker, power, tally, "--betray", "trusts-the-cache")
    power.cut("lost", random.Random(SEED))
    assert any(violation.startswith("P6") for violation in broker.judge(*tally.answers))
