# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux module` and `flux dmesg` at a real broker, as scripts that know Flux use them."""

import json
import re
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.support.broker import RunningBroker
from tests.support.client_calls import FLUX
from tests.support.patience import AT_ONCE, FAR, PATIENCE, until

TANK = '''
"""A tank that counts what it is asked, and may hang."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from participant import Field, Module


class Tank(Module):
    """Holds water."""

    table = "tank"
    services = ("water", "pressure")

    class Config(Module.Config):
        level: int = Field(5, description="how full")
        wait: str = Field("", description="a file; while it is there, prepare waits")

    config: Config
    asked = 0

    def prepare(self, new: Config, config: Mapping[str, Any]) -> None:
        self.asked += 1
        while new.wait and Path(new.wait).exists():
            time.sleep(0.01)

    def stats(self) -> dict[str, Any]:
        return {"asked": self.asked, "level": float(self.config.level), "parts": [{"size": 3}]}

    def clear_stats(self) -> None:
        self.asked = 0
'''


@pytest.fixture(scope="module")
def broker() -> Iterator[RunningBroker]:
    made = RunningBroker()
    made.environment["FLUX_MODULE_PATH"] = str(made.root)
    (made.root / "tank.py").write_text(TANK)
    try:
        yield made.start()
    finally:
        made.close()


def good(broker: RunningBroker, *arguments: str) -> str:
    """What `flux ARGUMENTS` prints, which must succeed."""
    done = broker.flux(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(broker: RunningBroker, *arguments: str, status: int = 1) -> str:
    """What `flux ARGUMENTS` complains of."""
    done = broker.flux(*arguments)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done.stderr


def test_a_name_may_be_given(broker: RunningBroker) -> None:
    good(broker, "module", "load", "-n", "second", "--exec", "tank", "level=7")
    assert "second" in broker.members()
    # Flux removes and loads; arguments take the place of those that it had, or are kept.
    good(broker, "module", "reload", "-n", "second", "tank", "level=8")
    assert good(broker, "module", "config", "get", "second", "level") == "8\n"
    good(broker, "module", "reload", "second")
    assert good(broker, "module", "config", "get", "second", "level") == "8\n"
    good(broker, "module", "unload", "second")
    assert "second" not in broker.members()


def test_what_is_not_loaded(broker: RunningBroker) -> None:
    good(broker, "module", "load", "tank")
    why = refused(broker, "module", "remove", "tanq")
    assert "tanq: is not loaded; did you mean tank?" in why
    assert "not loaded" in good(broker, "module", "remove", "-f", "tanq")
    for op in (("stats",), ("reload",), ("config", "get")):
        assert "did you mean tank?" in refused(broker, "module", *op, "tanq"), op
    assert "did you mean tank?" in refused(broker, "module", "load", "tankk")
    assert "did you mean rundir?" in refused(broker, "getattr", "rundirr")
    good(broker, "module", "remove", "tank")


def test_one_that_hangs_is_cancelled(broker: RunningBroker) -> None:
    flag = broker.root / "wait"
    flag.touch()
    good(broker, "module", "load", "tank")
    change = broker.begin("config", "set", "--timeout", FAR, "-t", "string", "tank.wait", str(flag))
    until(lambda: broker.ask("status").get("transaction", {}).get("awaited"), "tank is asked")
    asked = broker.begin("module", "stats", "--timeout", FAR, "tank")
    began = time.monotonic()
    good(broker, "module", "remove", "--cancel", "tank")
    _, why = change.communicate(timeout=PATIENCE)
    assert change.returncode == 1
    assert "tank: died" in why
    assert asked.wait(PATIENCE) == 1
    assert time.monotonic() - began < AT_ONCE
    assert "tank" not in broker.members()


def test_the_list_has_idle_time_and_services(broker: RunningBroker) -> None:
    good(broker, "module", "load", "tank")
    head, line = good(broker, "module", "list").splitlines()
    assert head.split() == ["Module", "Idle", "S", "State", "Gen", "Restarts", "PID", "Service"]
    name, idle, letter, state, *_, services = line.split()
    assert (name, letter, state, services) == ("tank", "R", "running", "water,pressure")
    assert int(idle) < PATIENCE
    head, line = good(broker, "module", "list", "-l").splitlines()
    assert head.endswith("Service  Path")
    assert line.endswith(f"water,p+ {broker.root}/tank.py")
    shown = json.loads(good(broker, "module", "list", "--json"))["modules"][0]
    assert shown["services"] == ["water", "pressure"]
    assert shown["idle"] >= 0
    good(broker, "module", "remove", "tank")


def test_stats(broker: RunningBroker) -> None:
    good(broker, "module", "load", "tank")

    def stats(*options: str) -> str:
        return good(broker, "module", "stats", *options, "tank").strip()

    assert json.loads(stats()) == {"asked": 1, "level": 5.0, "parts": [{"size": 3}]}
    assert stats("-p", "asked") == "1"
    assert stats("--parse=parts.0.size") == "3"
    assert stats("-p", "level") == "5.000000"
    assert stats("-p", "level", "-t", "int", "-s", "2.5") == "12"
    assert stats("-p", "level", "--type=double", "--scale=0.5") == "2.500000"
    used = json.loads(stats("-R"))
    assert used.keys() == json.loads(stats("-Rthread")).keys()
    assert stats("--rusage=children", "-p", "nswap") == "0"
    assert used["maxrss"] > 1000
    for clear in ("-c", "--clear-all"):
        good(broker, "config", "set", "--type", "integer", "tank.level", "5")
        good(broker, "config", "unset", "tank.level")
        assert int(stats("-p", "asked")) > 0
        assert stats(clear) == ""
        assert stats("-p", "asked") == "0"
    assert "`size' not found" in refused(broker, "module", "stats", "-p", "size", "tank")
    good(broker, "module", "remove", "tank")


class Following:
    """A command that goes on until it is ended, and what it has printed so far."""

    def __init__(self, broker: RunningBroker, *arguments: str) -> None:
        self._file = broker.root / f"{'-'.join(arguments).replace('/', '')}.out"
        with self._file.open("w") as out:
            self._process = subprocess.Popen([*FLUX, *arguments], stdout=out,
                                             env=broker.environment)  # fmt: skip

    def text(self) -> str:
        """Its output."""
        assert self._process.poll() is None, "it has ended"
        return self._file.read_text()

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(PATIENCE)


def test_messages_and_the_log_are_followed(broker: RunningBroker) -> None:
    whole = Following(broker, "module", "trace", "-f", "--topic=tank.*")
    answers = Following(broker, "module", "trace", "-H", "--type=response", "-L", "tank", "x")
    log = Following(broker, "dmesg", "-f", "-n")

    def told() -> bool:
        """Whether all three follow, and have heard of a module that came and went."""
        good(broker, "module", "load", "tank")
        good(broker, "module", "remove", "tank")
        shown = whole.text(), answers.text(), log.text()
        return "tank.shutdown" in shown[0] and "applied" in shown[1] and "remove" in shown[2]

    until(told)
    assert re.search(r"^\S+T\S+\.\d{3} tank tx > tank\.join \[\d+\]$", whole.text(), re.MULTILINE)
    assert "other" not in whole.text()
    assert re.search(r"tank tx < tank\.applied \[\d+\] success", answers.text())
    assert "\x1b[36m" in answers.text()
    assert ">" not in answers.text().replace("->", "")
    payload = whole.text().partition("tank.shutdown")[2].partition("\n")[2]
    assert json.JSONDecoder().raw_decode(payload)[0]["why"] == "removed by `flux module remove`"
    assert "broker.info[0]: remove module=tank" in log.text()
    for following in (whole, answers, log):
        following.end()


def test_the_log_is_read_and_cleared(broker: RunningBroker) -> None:
    good(broker, "module", "load", "tank")
    lines = good(broker, "dmesg").splitlines()
    assert all(re.match(r"\S+T[\d:.]+\S+ broker\.[a-z]+\[0\]: \S", line) for line in lines)
    human = good(broker, "dmesg", "-H", "-d").splitlines()
    assert re.match(r"\[[A-Z][a-z]{2}\d\d \d\d:\d\d\] broker", human[0])
    assert "\x1b[32m" in good(broker, "dmesg", "--color")
    assert good(broker, "dmesg", "-n") == ""
    assert "--delta can only be used with --human" in refused(broker, "dmesg", "-d")
    assert "module=tank" in good(broker, "dmesg", "-c")
    assert good(broker, "dmesg") == ""
    good(broker, "module", "remove", "tank")
    assert "remove" in good(broker, "dmesg")
    good(broker, "dmesg", "-C")
    assert good(broker, "dmesg") == ""


def test_what_means_nothing_here_is_refused_by_name(broker: RunningBroker) -> None:
    assert "--loader: " in refused(broker, "module", "load", "--loader=/x", "tank")
    assert "debug flags" in refused(broker, "module", "debug", "tank")
    assert "debug flags" in refused(broker, "module", "debug", "--setbit=1", "tank")
    assert "--type=event: no module" in refused(broker, "module", "trace", "-t", "event")
    assert "valid types" in refused(broker, "module", "trace", "-t", "nope")
