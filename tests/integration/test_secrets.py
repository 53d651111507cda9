# SPDX-License-Identifier: LGPL-3.0-or-later
"""At a real broker: what a module declares secret is in nothing that any command prints."""

import json
from collections.abc import Iterator

import pytest

from tests.support import guest
from tests.support.broker import RunningBroker
from tests.support.patience import until

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
    broker.write_text("[access]\nallow-guest-user = true\n", "b.toml")
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
        "config set --type=string pump.pin hunter2-that-is-longer-than-thirty",
        "config set --type=integer pump.pin hunter2-no-integer",
        "config validate --module ./pump.py conf.d",
        "config status",
        "config history",
        "config history --json",
        "config timeline -n 100",
        "config timeline -n 100 --json",
        "config timeline --html -",
        "config status --json",
        "dmesg",
    ],
)
def test_no_command_shows_one(broker: RunningBroker, command: str) -> None:
    done = broker.flux(*command.split(), cwd=broker.root)
    assert done.stdout + done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert "hunter2" not in broker.log_text()


def test_a_value_that_was_typed_is_not_kept(broker: RunningBroker) -> None:
    """Nor is it in the ledger's file: it is masked before the command is written down."""
    done = broker.flux("config", "set", "--type=string", "pump.pin", "hunter2-typed")
    assert done.returncode == 0, done.stderr
    assert broker.flux("module", "config", "set", "pump", "pin=hunter2-mine").returncode == 0
    for words in (["history"], ["history", "--json"], ["status"], ["status", "--json"],
                  ["timeline", "-n9"]):  # fmt: skip
        said = broker.flux("config", *words).stdout
        assert "hunter2" not in said
        assert "flux config set pump.pin ********" in said
    dump = json.loads(broker.flux("config", "dump").stdout)
    pump = dump["modules"]["pump"]
    assert "hunter2" not in json.dumps(pump)
    assert pump["arguments"] == {"pin": "********"}
    assert pump["runtime"]["pin"] == "********"
    assert dump["configuration"]["pump"]["pin"] == "hunter2-typed", "its owner can read the files"


@pytest.mark.parametrize(
    "command",
    [
        "get",
        "get pump",
        "get pump.password",
        "dump",
        "diff",
        "diff 1 running",
        "diff --json running 1",
        "show 1",
        "show --json 1",
        "history --json",
        "timeline 1 --json",
        "timeline -n 9 --html -",
        "status --json",
    ],
)
def test_no_guest_sees_one_in_the_configuration(broker: RunningBroker, command: str) -> None:
    broker.write_text('[pump]\npassword = "hunter2-other"\n')
    done = guest.flux(broker.environment, "config", *command.split())
    assert done.returncode in (0, 1), done.stderr
    assert "hunter2" not in done.stdout + done.stderr
    assert done.stdout


WATCH = """
import os, sys
from cli.client import Client
client = Client()
client.send("watch", name="pump")
lines = [str(client.receive(60))]
os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
lines.append(str(client.receive(60)))
print(lines, file=sys.stderr)
sys.exit(any("hunter2" in line or "********" not in line for line in lines))
"""


def test_no_guest_watches_one(broker: RunningBroker) -> None:
    place = broker.root / "signs"
    place.mkdir()
    place.chmod(0o777)
    watcher = guest.python(broker.environment, WATCH, str(place / "watching"))
    until((place / "watching").exists, "the guest watches")
    assert (
        broker.flux("config", "set", "--type=string", "pump.pin", "hunter2-watched").returncode == 0
    )
    assert watcher.wait(60) == 0
