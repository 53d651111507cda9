# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who is asked and told: all that are loaded at that moment, and each by what it can do now."""

import errno
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from fluxcore.burst import ask_each
from fluxcore.handle import Failure
from tests.fluxcore.instance import MODULES, Instance
from tests.support.patience import PATIENCE


@pytest.fixture
def one() -> Generator[Instance]:
    """One broker, and no agent yet."""
    made = Instance(1).start()
    try:
        yield made
    finally:
        made.close()


def answers(instance: Instance, body: dict[str, Any], seconds: float, *topics: str) -> Any:
    """What `ask_each` brings."""
    flux, found = instance.handle(0), []
    handle = flux.handle

    def said(told: dict[str, Any]) -> None:
        found.append(told)
        handle.reactor_stop()

    ask_each(flux, topics, json.dumps(body), said, seconds)
    handle.reactor_run()
    (told,) = found
    return told


def alone(instance: Instance, topic: str, body: dict[str, Any]) -> Any:
    """What one request brings."""
    try:
        return instance.handle(0).call(topic, body, 0)
    except OSError as error:
        return Failure(error.errno or 0, error.strerror or "")


def test_a_burst_brings_what_each_request_alone_would(one: Instance) -> None:
    one.load_module("voter", "max=5")
    one.load_module("oldkind", "max=5", "hang=2")
    body = {"voter": {"n": 1}, "oldkind": {"n": 1}}
    topics = ("voter.tell", "voter.config-reload", "voter.nosuch", "nosuch.tell", "groups.get")
    told = answers(one, body, PATIENCE, *topics)
    assert told["voter.tell"]["ran"] == []
    assert told["voter.config-reload"] is None
    for topic in topics[2:]:
        assert told[topic] == alone(one, topic, body)
        assert told[topic].number == errno.ENOSYS or topic == "groups.get"
    prepare = {"txid": "1", "dry-run": True, "config": {"voter": {"n": 7}}}
    (refusal,) = answers(one, prepare, PATIENCE, "voter.config-prepare").values()
    assert refusal.text == "n: 7 is more than 5\nand that is the second reason"
    late = answers(one, {"oldkind": {"n": 7}}, 0.3, "oldkind.config-reload", "voter.tell")
    assert late["oldkind.config-reload"].number == errno.ETIMEDOUT
    assert late["voter.tell"]["ran"] == [1]


def test_a_module_that_came_since_the_last_change_is_asked_and_told(one: Instance) -> None:
    one.up()
    assert one.load({"voter": {"n": 7}}).status == 0
    one.load_module("voter", "max=5")
    one.load_module("oldkind", "max=100")
    assert "more than 5" in one.load({"voter": {"n": 8}}).text
    assert one.load({"voter": {"n": 3}, "oldkind": {"n": 3}}).status == 0
    assert one.told("voter", 0)["ran"] == [3]
    assert one.told("oldkind", 0)["ran"] == [3]
    assert one.flux("module", "remove", "voter").status == 0
    assert one.load({"voter": {"n": 8}, "oldkind": {"n": 4}}).status == 0
    assert one.told("oldkind", 0)["ran"] == [3, 4]


def test_a_module_under_the_name_of_one_of_fluxs_own_is_asked(
    one: Instance, tmp_path: Path
) -> None:
    """Though that one was known to have no such method; and so is a later issue of it."""
    path = tmp_path / "heartbeat.py"
    assert one.flux("module", "load", "heartbeat").status == 0
    one.up()
    assert one.load({"voter": {"n": 1}}).status == 0
    assert one.flux("module", "remove", "heartbeat").status == 0
    path.write_text((MODULES / "oldkind.py").read_text())
    assert one.flux("module", "load", str(path)).status == 0
    for n in (2, 3):
        assert one.load({"voter": {"n": n}}).status == 0
    assert one.flux("module", "remove", "heartbeat").status == 0
    path.unlink()
    path.write_text((MODULES / "voter.py").read_text())
    assert one.flux("module", "load", str(path), "max=5").status == 0
    done = one.load({"voter": {"n": 7}})
    assert done.status == 1, done
    assert done.lines[0] == "flux-config: load: heartbeat: n: 7 is more than 5"
    assert one.flux("module", "remove", "heartbeat").status == 0


def test_status_says_how_modules_are_asked_before_the_first_change(instance: Instance) -> None:
    """Of all ranks; and no module was asked anything for that."""
    assert instance.flux("module", "load", "heartbeat").status == 0
    instance.load_module("voter", rank=1)
    instance.load_module("oldkind", rank=2)
    instance.up()
    told = [votes(instance, rank) for rank in range(3)]
    assert told[0] == {"heartbeat": "bundled validator", **BUILT_IN}
    assert told[1] == {"voter": "asked itself", **BUILT_IN}
    assert told[2] == {"oldkind": "cannot be asked", **BUILT_IN}
    assert instance.told("voter", 1) == {"ran": [], "asked": [], "aborted": 0}


BUILT_IN = {
    "connector-local": "bundled validator",
    "groups": "accepts anything",
    "overlay": "bundled validator",
    "rexec": "accepts anything",
}


def votes(instance: Instance, rank: int) -> dict[str, str]:
    """What status says of that rank's modules."""
    done = instance.accord("config", "status", "--json")
    assert done.status == 0, done
    (member,) = (
        member for member in json.loads(done.text)["modules"] if member["name"] == f"rank {rank}"
    )
    found: dict[str, str] = member["votes"]
    return found
