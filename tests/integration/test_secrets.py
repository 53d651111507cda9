# SPDX-License-Identifier: LGPL-3.0-or-later
"""At a real broker: what a module declares secret is in nothing that any command prints."""

from collections.abc import Iterator

import pytest

from tests.support.broker import RunningBroker

PUMP = """\
from pydantic import SecretStr

from participant import Field, Module, Reject


class Pump(Module):
    table = "pump"

    class Config(Module.Config):
        password: SecretStr = Field("hunter2-default")
        pin: str = Field("hunter2-pin", secret=True, max_length=30)
        trouble: str = Field("")

    config: Config

    def prepare(self, new, config):
        if new.trouble == "reject":
            raise Reject("no " + new.password.get_secret_value(), key="password")
        if new.trouble == "raise":
            raise KeyError(new.pin)

    def stats(self):
        return {"opened-with": self.config.password.get_secret_value()}
"""


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    broker = RunningBroker('[pump]\npassword = "hunter2-file"\n')
    (broker.root / "pump.py").write_text(PUMP)
    broker.start()
    done = broker.flux("module", "load", str(broker.root / "pump.py"), "pin=hunter2-argument")
    assert done.returncode == 0, done.stderr
    yield broker
    broker.close()


@pytest.mark.parametrize(
    "command",
    [
        "module config get pump",
        "module config get pump --origin",
        "module config get pump --json",
        "module config get pump password",
        "module config set pump pin=hunter2-set",
        "module config set pump trouble=reject",
        "module config set pump trouble=raise",
        "module config set pump pin=hunter2-that-is-longer-than-thirty",
        "module config set pump password=['hunter2']",
        "module config unset pump pin",
        "module stats pump",
        "modinfo pump",
        "modinfo --json pump",
        "modinfo --toml pump",
        "modinfo ./pump.py",
        "config set pump.trouble reject",
        "config set pump.pin hunter2-that-is-longer-than-thirty",
        "config validate --module ./pump.py conf.d",
        "config status",
        pytest.param(
            "config history",
            marks=pytest.mark.xfail(strict=True, reason="commands are kept as they were typed"),
        ),
        "dmesg",
    ],
)
def test_no_command_shows_one(broker: RunningBroker, command: str) -> None:
    done = broker.flux(*command.split(), cwd=broker.root)
    assert done.stdout + done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "hunter2" not in broker.log_text()
