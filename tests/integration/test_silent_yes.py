# SPDX-License-Identifier: LGPL-3.0-or-later
"""At a real broker: a module whose gate never runs is not loaded; one that hides it says no."""

from collections.abc import Iterator

import pytest

from tests.support.broker import RunningBroker

HONEST = """\
from participant import Field, Module, Reject


class Pump(Module):
    table = "pump"

    class Config(Module.Config):
        pace: int = Field(3)

    {prepare}
"""

HIDDEN = """\
def prepare(self, new, config):
        return self.later(new) if new.pace > 5 else None

    async def later(self, new):
        raise Reject("too fast")
"""


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    broker = RunningBroker("[pump]\npace = 1\n").start()
    yield broker
    broker.close()


def test_an_asynchronous_prepare_is_not_loaded(broker: RunningBroker) -> None:
    file = broker.root / "late.py"
    file.write_text(
        HONEST.format(prepare="async def prepare(self, new, config): raise Reject('x')")
    )
    done = broker.flux("module", "load", str(file))
    assert done.returncode == 1
    assert f"{file}:10: prepare is `async def`" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert "late" not in broker.flux("module", "list").stdout


def test_a_prepare_that_returns_a_coroutine_says_no(broker: RunningBroker) -> None:
    file = broker.root / "pump.py"
    file.write_text(HONEST.format(prepare=HIDDEN))
    assert broker.flux("module", "load", str(file)).returncode == 0
    before = broker.generation
    said = broker.refused("set", "pump.pace", "9")
    assert "pump: prepare returned a coroutine, which nobody runs" in said
    assert broker.generation == before
    assert broker.good("get", "pump.pace").strip() == "1"
