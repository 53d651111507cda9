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
def broker() -> Iterator[RunningBroker]:
    """One for the file; FLUX_TANK_MOST is in its environment."""
    found = RunningBroker(TEXT)
    found.environment["FLUX_TANK_MOST"] = "20"
    (found.root / "tank.py").write_text(TANK)
    found.start()
    yield found
    found.close()


@pytest.fixture
def house(broker: RunningBroker) -> Iterator[RunningBroker]:
    """The broker with a fresh tank, running what its files say."""
    broker.write_text(TEXT)
    broker.good("reload")
    good(broker, "load", str(broker.root / "tank.py"))
    yield broker
    (broker.root / "tank.py").write_text(TANK)
    broker.flux("module", "remove", "tank")
    broker.write_text(TEXT)
    broker.good("reload")


def good(house: RunningBroker, *arguments: str) -> str:
    done = house.flux("module", *arguments)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return done.stdout


def refused(house: RunningBroker, *arguments: str, status: int = 1) -> str:
    done = house.flux("module", *arguments)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done.stderr


def get(house: RunningBroker, key: str) -> Any:
    return json.loads(good(house, "config", "get", "tank", "--json"))["config"][key]


def listed(house: RunningBroker) -> dict[str, Any]:
    modules = json.loads(good(house, "list", "--json"))["modules"]
    return next((one for one in modules if one["name"] == "tank"), {})


# Levels and origins


def test_each_level_over_the_one_before(house: RunningBroker) -> None:
    assert get(house, "level") == {"value": 5, "origin": "default"}
    house.write_text(TEXT + "[tank]\nlevel = 6\nmost = 7\n")
    house.good("reload")
    assert get(house, "level") == {"value": 6, "origin": "configuration"}
    most = {"value": 20, "origin": "environment variable FLUX_TANK_MOST"}
    assert get(house, "most") == most
    good(house, "config", "set", "tank", "level=8")
    origin = f"flux module config set by uid {os.getuid()}"
    assert get(house, "level") == {"value": 8, "origin": origin}
    shown = good(house, "config", "get", "tank", "--origin")
    assert f"level = 8  # {origin}" in shown
    good(house, "config", "unset", "tank", "level")
    shown = good(house, "config", "get", "tank", "--origin")
    assert f"level = 6  # {house.files}/a.toml:5:1" in shown


def test_load_arguments(house: RunningBroker) -> None:
    good(house, "remove", "tank")
    path = str(house.root / "tank.py")
    why = refused(house, "load", path, "level=21", "bogus=1")
    assert "tank.bogus: unknown key (load argument)" in why
    why = refused(house, "load", path, "level=21")
    assert "tank.level: 21 is more than 20 (load argument)" in why
    assert listed(house) == {}
    good(house, "load", path, "level=19")
    assert get(house, "level") == {"value": 19, "origin": "load argument"}


def test_get(house: RunningBroker) -> None:
    assert good(house, "config", "get", "tank", "level") == "5\n"
    assert refused(house, "config", "get", "tank", "bogus").startswith("flux-module: tank has no")
    assert "no such module" in refused(house, "config", "get", "nothing")
    good(house, "config", "set", "tank", "tags.a=1")
    assert good(house, "config", "get", "tank", "tags") == '{"a":"1"}\n'


# Setting


def test_all_or_nothing(house: RunningBroker) -> None:
    why = refused(house, "config", "set", "tank", "think=0.001", "level=21", "port=x")
    assert "port" in why
    assert get(house, "think")["value"] == 0.0
    before = listed(house)
    assert good(house, "config", "set", "--dry-run", "tank", "level=9").startswith(
        "valid: the module"
    )
    assert "21 is more" in refused(house, "config", "set", "--dry-run", "tank", "level=21")
    assert get(house, "level")["value"] == 5
    good(house, "config", "set", "tank", "level=9", "think=0.001")
    assert (get(house, "level")["value"], get(house, "think")["value"]) == (9, 0.001)
    assert "its values already" in good(house, "config", "set", "tank", "level=9")
    after = listed(house)
    assert (before["pid"], before["generation"]) == (after["pid"], after["generation"])


def test_wrong_usage(house: RunningBroker) -> None:
    assert "write KEY=VALUE" in refused(house, "config", "set", "tank", "level")
    assert "is not loaded" in refused(house, "config", "set", "nothing", "level=1")
    refused(house, "config", "set", "tank", status=2)
    assert "not a dotted key" in refused(house, "config", "set", "tank", "a..b=1")
    why = refused(house, "config", "set", "tank", os.fsdecode(b"tags.k=\xff"))
    assert "is not valid Unicode" in why
    many = [f"tags.k{number}=1" for number in range(257)]
    assert "more than 256" in refused(house, "config", "set", "tank", *many)


def test_many_at_the_same_moment_are_all_kept(house: RunningBroker) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: good(house, "config", "set", "tank", f"tags.k{n}=v{n}"), range(16)))
    assert get(house, "tags")["value"] == {f"k{n}": f"v{n}" for n in range(16)}


# Living and dying


def test_values_survive_a_crash_and_a_reload_and_go_with_remove(house: RunningBroker) -> None:
    good(house, "config", "set", "tank", "level=9")
    pid = listed(house)["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: listed(house)["pid"] not in (0, pid), "it is started again")
    until(lambda: listed(house)["state"] == "running", "it runs again")
    assert get(house, "level")["value"] == 9
    assert json.loads(good(house, "stats", "tank"))["level"] == 9
    pid = listed(house)["pid"]
    assert good(house, "reload", "tank").startswith("reloaded")
    assert listed(house)["pid"] != pid
    assert get(house, "level")["value"] == 9
    good(house, "remove", "tank")
    good(house, "load", str(house.root / "tank.py"))
    assert get(house, "level")["value"] == 5


def test_a_reload_of_the_files_is_judged_with_the_runtime_values(house: RunningBroker) -> None:
    good(house, "config", "set", "tank", "level=15")
    before = house.generation
    house.write_text(TEXT + "[tank]\nlevel = 3\n[ban]\nlevels = [15]\n")  # it is 15 all the same
    why = house.refused("reload")
    assert f"tank.level: is banned (flux module config set by uid {os.getuid()})" in why
    assert house.generation == before
    good(house, "config", "unset", "tank", "level")
    house.good("reload")
    assert "is banned" in refused(house, "config", "set", "tank", "level=15")
    before = house.generation
    house.write_text(TEXT + "[tank]\nthink = 'long'\n")
    why = house.refused("reload")
    assert f"({house.files}/a.toml:5:1)" in why
    assert house.generation == before


def test_a_module_that_fails_to_apply_is_made_anew(house: RunningBroker, tmp_path: Path) -> None:
    trip = tmp_path / "trip"
    trip.touch()
    why = refused(house, "config", "set", "tank", f"trip={trip}", "level=9", status=3)
    assert "accepted the values and failed to apply them" in why
    trip.unlink()
    until(lambda: listed(house)["state"] == "running", "it runs again")
    assert (get(house, "level")["value"], listed(house)["restarts"] > 0) == (9, True)


# What takes effect at load


def test_a_key_that_waits_for_a_reload(house: RunningBroker) -> None:
    told = good(house, "config", "set", "tank", "port=81", "level=6")
    assert "pending until `flux module reload tank`: port" in told
    assert get(house, "port")["value"] == 80
    assert get(house, "port")["pending"]["value"] == 81
    stats = json.loads(good(house, "stats", "tank"))
    assert (stats["port"], stats["level"]) == (80, 6)
    assert "pending until it is reloaded: port" in good(house, "list", "-l")
    assert "pending until it is reloaded: port" in house.good("status")
    good(house, "reload", "tank")
    assert get(house, "port")["value"] == 81
    assert "pending" not in get(house, "port")
    assert "pending" not in house.good("status")


# flux module reload


def test_a_reload_that_fails_is_told_and_can_be_mended(house: RunningBroker) -> None:
    good(house, "config", "set", "tank", "level=9")
    (house.root / "tank.py").write_text(TANK.replace("new.most:", "new.most - 15:"))
    why = refused(house, "reload", "tank")
    assert "9 is more than 20" in why
    assert "shown as failed" in why
    assert listed(house)["state"] == "failed"
    house.write_text(TEXT.replace("1m", "2m"))
    assert "has failed" in house.refused("reload")
    (house.root / "tank.py").write_text(TANK)
    good(house, "reload", "tank")
    assert get(house, "level")["value"] == 9
    house.good("reload")


def test_reload_by_force(house: RunningBroker) -> None:
    good(house, "remove", "tank")
    path = str(house.root / "tank.py")
    assert "is not loaded" in refused(house, "reload", path)
    assert good(house, "reload", "--force", path).startswith("loaded")
    assert good(house, "reload", "--force", path).startswith("reloaded")


# A module that hangs


def test_a_hanging_module_keeps_nobody_waiting(house: RunningBroker) -> None:
    gate = house.root / "gate"
    gate.touch()
    began = time.monotonic()
    why = refused(house, "config", "set", "--timeout", "300ms", "tank", f"wait={gate}", "level=9")
    assert "did not answer within 0.3 s" in why
    assert get(house, "level")["value"] == 5  # told from memory
    why = refused(house, "stats", "--timeout", "200ms", "tank")
    assert "did not answer in time" in why
    assert time.monotonic() - began < AT_ONCE
    gate.unlink()
    until(lambda: house.flux("module", "stats", "tank").returncode == 0, "it is free again")
    assert json.loads(good(house, "stats", "-p", "level", "tank")) == 5
    assert get(house, "level")["value"] == 5


def test_a_timer_can_be_taken_back(house: RunningBroker) -> None:
    def ticks() -> int:
        return int(good(house, "stats", "-p", "ticks", "tank"))

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


def test_an_attached_participant(house: RunningBroker) -> None:
    module = Guest()
    with attach(f"local://{house.rundir}/local", module) as attached:
        assert attached.wait_for(1, PATIENCE)
        until(lambda: module.config is not None, "it is configured")
        good(house, "config", "set", "guest", "rooms=3")
        assert module.config.rooms == 3
        assert good(house, "stats", "guest") == "{}\n"
        shown = house.flux("modinfo", "guest")
        assert "rooms: integer, default 1" in shown.stdout, shown.stderr
        schema = json.loads(house.flux("modinfo", "--json", "guest").stdout)
        assert schema["properties"]["rooms"]["type"] == "integer"
        assert "is attached, not loaded" in refused(house, "reload", "guest")
        assert "no such module" in house.flux("modinfo", "nobody").stderr


def test_stats_of_nobody(house: RunningBroker) -> None:
    assert "no such module" in refused(house, "stats", "nobody")
    assert "tells no depth" in refused(house, "stats", "-p", "depth", "tank")
