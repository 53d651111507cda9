# SPDX-License-Identifier: LGPL-3.0-or-later
"""At a real broker: what a change says that it changes, and what it says that nobody reads."""

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.broker import RunningBroker
from tests.support.patience import until
from tests.support.schemas import conforms

PUMP = """\
from participant import Field, Module, Reject
from participant.settings.model import LAX


class Pump(Module):
    table = "pump"
    start_matters = True

    class Config(Module.Config):
        model_config = LAX
        speed: int = Field(1, ge=0)
        socket: str = Field("a", restart=True)
        password: str = Field("", secret=True)
        valves: list[dict[str, str]] = []

    config: Config

    def prepare(self, new, config):
        if self.starting and new.speed == 9:
            raise Reject("too fast to start with", key="speed")
"""


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    broker = RunningBroker('[pump]\nspeed = 1\n[[pump.valves]]\nname = "a"\n')
    (broker.root / "pump.py").write_text(PUMP)
    broker.start()
    assert broker.flux("module", "load", str(broker.root / "pump.py")).returncode == 0
    yield broker
    broker.close()


def outcome(broker: RunningBroker, *arguments: str, text: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(broker.config(*arguments, "--json", input=text).stdout)
    conforms("outcome", found)
    return found


def test_dry_run_and_commit_tell_old_new_and_owner(broker: RunningBroker) -> None:
    change = [{"key": "pump.speed", "old": 1, "new": 2, "owners": ["pump"]}]
    for options in (["--dry-run"], []):
        told = outcome(broker, "set", "pump.speed", "2", *options)
        assert (told["changes"], told["changed"], told["pending"]) == (change, 1, [])
    shown = broker.good("set", "pump.speed", "3")
    assert "\n  pump.speed: 2 -> 3  (pump)\n" in shown
    assert broker.good("set", "-q", "pump.speed", "4") == ""
    refused = outcome(broker, "set", "pump.speed", "-4")
    assert refused["result"] == "refused"
    assert "changes" not in refused, "nothing has changed"
    told = outcome(broker, "set", "-t", "array", "pump.valves", '[{"name": "a"}, {"name": "b"}]')
    assert [change["key"] for change in told["changes"]] == ["pump.valves[1]"]


def test_what_waits_for_the_module_to_be_reloaded(broker: RunningBroker) -> None:
    for options in (["--dry-run"], []):
        told = outcome(broker, "set", "-t", "string", "pump.socket", "b", *options)
        assert told["pending"] == told["changes"][0]["pending"] == ["pump"]
    assert outcome(broker, "set", "pump.socket", "a")["pending"] == [], "it goes by that anyway"
    shown = broker.good("set", "pump.socket", "c")
    assert "pending until `flux module reload pump`: pump.socket" in shown


def test_secrets_stay_hidden(broker: RunningBroker) -> None:
    for value in ("hunter2-first", "hunter2-second"):
        told = broker.config("set", "-t", "string", "pump.password", value, "--json").stdout
        assert json.loads(told)["changes"][0]["new"] == "********"
        assert "hunter2" not in told
    assert "hunter2" not in broker.good("set", "pump.password", "hunter2-third")


def test_what_nobody_reads_is_a_warning_and_with_strict_a_refusal(broker: RunningBroker) -> None:
    base = broker.generation
    files = "[pump]\nspeed = 4\nspeeed = 5\n[pmup]\nspeed = 1\n[other]\nx = 1\n"
    strict = outcome(broker, "load", "--strict", text=files)
    assert (strict["result"], broker.generation) == ("refused", base)
    dry = outcome(broker, "load", "--dry-run", "--strict", text=files)
    told = outcome(broker, "load", text=files)
    for found in (strict["reasons"], dry["reasons"], told["warnings"]):
        assert [reason["code"] for reason in found] == ["unknown-key"] * 3
        assert [reason["key"] for reason in found] == ["other", "pmup", "pump.speeed"]
        assert "did you mean pump?" in found[1]["message"]
        assert "did you mean speed?" in found[2]["message"]
        assert (found[2]["source"], found[2]["line"]) == ("<stdin>", 3)
    known = files.replace("speeed", "speed2").replace("[pmup]", "[our-tool]")
    known += '[accord]\nforeign = ["our-tool", "other"]\n'
    again = outcome(broker, "load", "--dry-run", text=known)
    assert [reason["key"] for reason in again["warnings"]] == ["pump.speed2"]
    clean = known.replace("speed2 = 5\n", "")
    assert outcome(broker, "load", "--strict", text=clean)["result"] == "committed"
    assert outcome(broker, "set", "pump.speed", "9")["warnings"][0]["code"] == "start-only"
    assert outcome(broker, "set", "--strict", "pump.speed", "8")["warnings"] == []


def kept_warnings(broker: RunningBroker, wanted: list[str]) -> list[dict[str, Any]]:
    """The warnings of the latest generation in the history, once they are there."""

    def latest() -> list[dict[str, Any]]:
        entry = json.loads(broker.good("history", "-n", "1", "--json"))["history"][0]
        warnings: list[dict[str, Any]] = entry.get("warnings", [])
        return warnings

    until(lambda: [warning["key"] for warning in latest()] == wanted, f"the history has {wanted}")
    return latest()


def test_what_nobody_reads_is_in_the_history(broker: RunningBroker) -> None:
    """With what modules say, and also of a reload by signal, for whose answer nobody waits."""
    told = outcome(broker, "load", text="[pump]\nspeeed = 5\nspeed = 9\n")
    assert [warning["key"] for warning in told["warnings"]] == ["pump.speed", "pump.speeed"]
    assert kept_warnings(broker, ["pump.speed", "pump.speeed"]) == told["warnings"]
    for command in (["history", "-n", "1"], ["timeline"]):
        shown = broker.good(*command)
        assert "warning: config: pump.speeed: unknown key, which no module reads" in shown
        assert "<stdin>:2" in shown
    base = broker.generation
    broker.write_text("[pump]\nsped = 1\n")
    assert broker.process is not None
    broker.process.send_signal(signal.SIGHUP)
    until(lambda: broker.generation == base + 1, "the reload is in force")
    (warning,) = kept_warnings(broker, ["pump.sped"])
    assert warning["source"] == str(broker.files / "a.toml")
    told = outcome(broker, "load", text="[pump]\nspeed = 3\n")
    assert told["warnings"] == kept_warnings(broker, []) == []


def test_what_is_long_is_bounded(broker: RunningBroker) -> None:
    many = "".join(f'k{number} = "{"x" * 20}"\n' for number in range(3000))
    text = f'long = "{"x" * 5000}"\n[accord]\nforeign = ["long", "tool"]\n[tool]\n{many}'
    told = outcome(broker, "load", text=text)
    assert told["changed"] > 3000
    assert len(told["changes"]) == 200
    assert {"key": "long", "new": None, "cut": True, "owners": []} in told["changes"]
    shown = broker.good("load", input="")
    assert len(shown.splitlines()) == 22
    assert "more keys" in shown


def test_diff_tells_by_its_exit_status(broker: RunningBroker) -> None:
    broker.good("load", input="[pump]\nspeed = 1\n")
    number = str(broker.generation)
    broker.good("set", "pump.speed", "2")
    assert broker.config("diff", "--exit-code", number, number).returncode == 0
    assert broker.config("diff", "--exit-code", number).returncode == 1
    assert broker.config("diff", number).returncode == 0
    same = json.loads(broker.config("diff", "--json", number, number).stdout)
    assert (same["result"], same["changes"]) == ("same", [])
    failed = broker.config("diff", "--exit-code", "--json", number, "99")
    assert (failed.returncode, json.loads(failed.stdout)["code"]) == (2, "not-found")
