# SPDX-License-Identifier: LGPL-3.0-or-later
"""One module's values at a real broker: set, survive, conflict, wait, and be told from memory."""

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from participant import Field, Module, attach
from tests.support.broker import RunningBroker
from tests.support.patience import AT_ONCE, PATIENCE, until

TEXT = """\
[heartbeat]
period = "2s"
timeout = "1m"
"""

TANK = '''
"""A tank that does what its settings say."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from participant import Field, Module, Reject


class Tank(Module):
    """Holds water."""

    table = "tank"

    class Config(Module.Config):
        level: int = Field(5, description="how full")
        most: int = Field(10, description="how full it may be")
        port: int = Field(80, description="where it listens", restart=True)
        think: float = Field(0.0, description="a number that nothing depends on")
        wait: str = Field("", description="a file; while it is there, prepare waits")
        trip: str = Field("", description="a file; while it is there, commit fails")
        tags: dict[str, str] = Field(default_factory=dict, description="free keys")

    config: Config

    def prepare(self, new: Config, config: Mapping[str, Any]) -> None:
        while new.wait and Path(new.wait).exists():
            time.sleep(0.01)
        if new.level > new.most:
            raise Reject(f"{new.level} is more than {new.most}", key="level")
        if new.level in config.get("ban", {}).get("levels", ()):
            raise Reject("is banned", key="level")

    def commit(self, staged: object) -> None:
        if self.config.trip and Path(self.config.trip).exists():
            raise OSError("tripped")

    def run(self) -> None:
        self.ticks = 0
        self.timer = self.every(0.01, self.tick)

    def tick(self) -> None:
        self.ticks += 1
        if self.ticks == 3:
            self.timer.cancel()

    def stats(self) -> dict[str, object]:
        config = self.config
        return {"level": config.level, "port": config.port, "ticks": self.ticks, "pid": os.getpid()}
'''


@pytest.fixture(scope="module")
def shared_broker() -> Iterator[RunningBroker]:
    """One for the file; FLUX_TANK_MOST is in its environment."""
    found = RunningBroker(TEXT)
    found.environment["FLUX_TANK_MOST"] = "20"
    (found.root / "tank.py").write_text(TANK)
    found.start()
    yield found
    found.close()


@pytest.fixture
def broker(shared_broker: RunningBroker) -> Iterator[RunningBroker]:
    """The broker with a fresh tank, running what its files say."""
    shared_broker.write_text(TEXT)
    shared_broker.good("reload")
    good(shared_broker, "load", str(shared_broker.root / "tank.py"))
    yield shared_broker
    (shared_broker.root / "tank.py").write_text(TANK)
    shared_broker.flux("module", "remove", "tank")
    shared_broker.write_text(TEXT)
    shared_broker.good("reload")


def good(broker: RunningBroker, *arguments: str) -> str:
    done = broker.flux("module", *arguments)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def refused(broker: RunningBroker, *arguments: str, status: int = 1) -> str:
    done = broker.flux("module", *arguments)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stderr


def get(broker: RunningBroker, key: str) -> Any:
    return json.loads(good(broker, "config", "get", "tank", "--json"))["config"][key]


def listed(broker: RunningBroker) -> dict[str, Any]:
    modules = json.loads(good(broker, "list", "--json"))["modules"]
    return next((module for module in modules if module["name"] == "tank"), {})


# Levels and origins


def test_each_level_over_the_one_before(broker: RunningBroker) -> None:
    assert get(broker, "level") == {"value": 5, "origin": "default"}
    broker.write_text(TEXT + "[tank]\nlevel = 6\nmost = 7\n")
    broker.good("reload")
    assert get(broker, "level") == {"value": 6, "origin": "configuration"}
    most = {"value": 20, "origin": "environment variable FLUX_TANK_MOST"}
    assert get(broker, "most") == most
    good(broker, "config", "set", "tank", "level=8")
    origin = f"flux module config set by uid {os.getuid()}"
    assert get(broker, "level") == {"value": 8, "origin": origin}
    shown = good(broker, "config", "get", "tank", "--origin")
    assert f"level = 8  # {origin}" in shown
    good(broker, "config", "unset", "tank", "level")
    shown = good(broker, "config", "get", "tank", "--origin")
    assert f"level = 6  # {broker.files}/a.toml:5:1" in shown


def test_load_arguments(broker: RunningBroker) -> None:
    good(broker, "remove", "tank")
    path = str(broker.root / "tank.py")
    why = refused(broker, "load", path, "level=21", "bogus=1")
    assert "tank.bogus: unknown key (load argument)" in why
    why = refused(broker, "load", path, "level=21")
    assert "tank.level: 21 is more than 20 (load argument)" in why
    assert listed(broker) == {}
    good(broker, "load", path, "level=19")
    assert get(broker, "level") == {"value": 19, "origin": "load argument"}


def test_get(broker: RunningBroker) -> None:
    assert good(broker, "config", "get", "tank", "level") == "5\n"
    assert refused(broker, "config", "get", "tank", "bogus").startswith("flux-module: tank has no")
    failed = broker.flux("module", "config", "get", "tank", "bogus", "--json")
    assert (failed.returncode, json.loads(failed.stdout)["code"]) == (1, "not-found")
    assert "no such module" in refused(broker, "config", "get", "nothing")
    good(broker, "config", "set", "tank", "tags.a=1")
    assert good(broker, "config", "get", "tank", "tags") == '{"a":"1"}\n'


# Setting


def test_all_or_nothing(broker: RunningBroker) -> None:
    why = refused(broker, "config", "set", "tank", "think=0.001", "level=21", "port=x")
    assert "port" in why
    assert get(broker, "think")["value"] == 0.0
    before = listed(broker)
    assert good(broker, "config", "set", "--dry-run", "tank", "level=9").startswith(
        "valid: the module"
    )
    assert "21 is more" in refused(broker, "config", "set", "--dry-run", "tank", "level=21")
    assert get(broker, "level")["value"] == 5
    good(broker, "config", "set", "tank", "level=9", "think=0.001")
    assert (get(broker, "level")["value"], get(broker, "think")["value"]) == (9, 0.001)
    assert "its values already" in good(broker, "config", "set", "tank", "level=9")
    after = listed(broker)
    assert (before["pid"], before["generation"]) == (after["pid"], after["generation"])


def test_wrong_usage(broker: RunningBroker) -> None:
    assert "write KEY=VALUE" in refused(broker, "config", "set", "tank", "level")
    assert "is not loaded" in refused(broker, "config", "set", "nothing", "level=1")
    refused(broker, "config", "set", "tank", status=2)
    assert "not a dotted key" in refused(broker, "config", "set", "tank", "a..b=1")
    why = refused(broker, "config", "set", "tank", os.fsdecode(b"tags.k=\xff"))
    assert "is not valid Unicode" in why
    many = [f"tags.k{number}=1" for number in range(257)]
    assert "more than 256" in refused(broker, "config", "set", "tank", *many)


def test_many_at_the_same_moment_are_all_kept(broker: RunningBroker) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(lambda n: good(broker, "config", "set", "tank", f"tags.k{n}=v{n}"), range(16))
        )
    assert get(broker, "tags")["value"] == {f"k{n}": f"v{n}" for n in range(16)}


# Living and dying


def test_values_survive_a_crash_and_a_reload_and_go_with_remove(broker: RunningBroker) -> None:
    good(broker, "config", "set", "tank", "level=9")
    pid = listed(broker)["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: listed(broker)["pid"] not in (0, pid), "it is started again")
    until(lambda: listed(broker)["state"] == "running", "it runs again")
    assert get(broker, "level")["value"] == 9
    assert json.loads(good(broker, "stats", "tank"))["level"] == 9
    pid = listed(broker)["pid"]
    assert good(broker, "reload", "tank").startswith("reloaded")
    assert listed(broker)["pid"] != pid
    assert get(broker, "level")["value"] == 9
    good(broker, "remove", "tank")
    good(broker, "load", str(broker.root / "tank.py"))
    assert get(broker, "level")["value"] == 5


def test_a_reload_of_the_files_is_judged_with_the_runtime_values(broker: RunningBroker) -> None:
    good(broker, "config", "set", "tank", "level=15")
    before = broker.generation
    broker.write_text(TEXT + "[tank]\nlevel = 3\n[ban]\nlevels = [15]\n")  # it is 15 all the same
    why = broker.refused("reload")
    assert f"tank.level: is banned (flux module config set by uid {os.getuid()})" in why
    assert broker.generation == before
    good(broker, "config", "unset", "tank", "level")
    broker.good("reload")
    assert "is banned" in refused(broker, "config", "set", "tank", "level=15")
    before = broker.generation
    broker.write_text(TEXT + "[tank]\nthink = 'long'\n")
    why = broker.refused("reload")
    assert f"({broker.files}/a.toml:5:1)" in why
    assert broker.generation == before


def test_a_module_that_fails_to_apply_is_made_anew(broker: RunningBroker, tmp_path: Path) -> None:
    trip = tmp_path / "trip"
    trip.touch()
    why = refused(broker, "config", "set", "tank", f"trip={trip}", "level=9", status=3)
    assert "accepted the values and failed to apply them" in why
    trip.unlink()
    until(lambda: listed(broker)["state"] == "running", "it runs again")
    assert (get(broker, "level")["value"], listed(broker)["restarts"] > 0) == (9, True)


# What takes effect at load


def test_a_key_that_waits_for_a_reload(broker: RunningBroker) -> None:
    told = good(broker, "config", "set", "tank", "port=81", "level=6")
    assert "pending until `flux module reload tank`: port" in told
    assert get(broker, "port")["value"] == 80
    assert get(broker, "port")["pending"]["value"] == 81
    stats = json.loads(good(broker, "stats", "tank"))
    assert (stats["port"], stats["level"]) == (80, 6)
    assert "pending until it is reloaded: port" in good(broker, "list", "-l")
    assert "pending until it is reloaded: port" in broker.good("status")
    good(broker, "reload", "tank")
    assert get(broker, "port")["value"] == 81
    assert "pending" not in get(broker, "port")
    assert "pending" not in broker.good("status")


# flux module reload


def test_a_reload_that_fails_is_told_and_can_be_mended(broker: RunningBroker) -> None:
    good(broker, "config", "set", "tank", "level=9")
    (broker.root / "tank.py").write_text(TANK.replace("new.most:", "new.most - 15:"))
    why = refused(broker, "reload", "tank")
    assert "9 is more than 20" in why
    assert "shown as failed" in why
    assert listed(broker)["state"] == "failed"
    broker.write_text(TEXT.replace("1m", "2m"))
    assert "has failed" in broker.refused("reload")
    (broker.root / "tank.py").write_text(TANK)
    good(broker, "reload", "tank")
    assert get(broker, "level")["value"] == 9
    broker.good("reload")


def test_reload_by_force(broker: RunningBroker) -> None:
    good(broker, "remove", "tank")
    path = str(broker.root / "tank.py")
    assert "is not loaded" in refused(broker, "reload", path)
    assert good(broker, "reload", "--force", path).startswith("loaded")
    assert good(broker, "reload", "--force", path).startswith("reloaded")


# A module that hangs


def test_a_hanging_module_keeps_nobody_waiting(broker: RunningBroker) -> None:
    gate = broker.root / "gate"
    gate.touch()
    began = time.monotonic()
    why = refused(broker, "config", "set", "--timeout", "300ms", "tank", f"wait={gate}", "level=9")
    assert "did not answer within 0.3 s" in why
    assert get(broker, "level")["value"] == 5  # told from memory
    why = refused(broker, "stats", "--timeout", "200ms", "tank")
    assert "did not answer in time" in why
    assert time.monotonic() - began < AT_ONCE
    gate.unlink()
    until(lambda: broker.flux("module", "stats", "tank").returncode == 0, "it is free again")
    assert json.loads(good(broker, "stats", "-p", "level", "tank")) == 5
    assert get(broker, "level")["value"] == 5


def test_a_timer_can_be_taken_back(broker: RunningBroker) -> None:
    def ticks() -> int:
        return int(good(broker, "stats", "-p", "ticks", "tank"))

    until(lambda: ticks() == 3, "it has ticked three times")
    time.sleep(0.1)
    assert ticks() == 3


# Attached participants


class Guest(Module):
    """Lives elsewhere."""

    name = "guest"
    table = "guest"

    class Config(Module.Config):
        rooms: int = Field(1, description="how many")


def test_an_attached_participant(broker: RunningBroker) -> None:
    module = Guest()
    with attach(f"local://{broker.rundir}/local", module) as attached:
        assert attached.wait_for(1, PATIENCE)
        until(lambda: module.config is not None, "it is configured")
        good(broker, "config", "set", "guest", "rooms=3")
        assert module.config.rooms == 3
        told = json.loads(good(broker, "stats", "guest"))  # the default: what was said to it
        assert told["tx"]["request"] == 1
        assert told["rx"]["event"] == 0
        shown = broker.flux("modinfo", "guest")
        assert "rooms: integer, default 1" in shown.stdout, shown.stderr
        schema = json.loads(broker.flux("modinfo", "--json", "guest").stdout)
        assert schema["properties"]["rooms"]["type"] == "integer"
        assert "is attached, not loaded" in refused(broker, "reload", "guest")
        assert "no such module" in broker.flux("modinfo", "nobody").stderr


def test_stats_of_nobody(broker: RunningBroker) -> None:
    assert "no such module" in refused(broker, "stats", "nobody")
    assert "`depth' not found in response" in refused(broker, "stats", "-p", "depth", "tank")
