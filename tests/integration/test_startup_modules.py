# SPDX-License-Identifier: LGPL-3.0-or-later
"""Modules that come up with a real broker, and what `status` says of the others."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broker import RunningBroker
from tests.support.patience import until

MODULE = '''\
from participant import Module, Reject

class Site(Module):
    """A site's own."""
    table = "{table}"

    class Config(Module.Config):
        pace: int = 1

    def prepare(self, new, config):
        if new.pace > 9:
            raise Reject("too fast", key="pace")
'''


@pytest.fixture
def broker() -> Iterator[RunningBroker]:
    """With a directory of module files, of which there are none yet; not started."""
    broker = RunningBroker()
    directory = broker.root / "modprobe.d"
    directory.mkdir(mode=0o755)
    broker.options = ("-S", f"modprobe.directory={directory}")
    for table in ("one", "other", "packaged"):
        (broker.root / f"{table}_file.py").write_text(MODULE.replace("{table}", table))
    try:
        yield broker
    finally:
        broker.close()


def name_module(broker: RunningBroker, file: str, text: str) -> Path:
    path = broker.root / "modprobe.d" / file
    path.write_text(text)
    path.chmod(0o644)
    return path


def package(broker: RunningBroker, points: str) -> None:
    """Install a package that brings modules, and let the broker find it."""
    metadata = broker.root / "packaged-1.0.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: packaged\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[flux_accord.modules]\n{points}")
    path = broker.environment["PYTHONPATH"]
    broker.environment["PYTHONPATH"] = f"{path}{os.pathsep}{broker.root}"


def start_refused(broker: RunningBroker) -> str:
    broker.spawn(broker.command())
    before = len(broker.log_text())
    assert broker.wait_dead() == 1
    return broker.log_text()[before:]


def test_files_and_packages_bring_modules(broker: RunningBroker) -> None:
    broker.bundled = True
    package(broker, "packaged = packaged_file:Site\n")
    name_module(
        broker,
        "a.toml",
        '[[modules]]\nname = "one"\nmodule = "../one_file.py"\nargs = ["pace=7"]\n'
        '[[modules]]\nname = "heartbeat"\nargs = ["period=3s"]\n',
    )
    broker.start()
    members = broker.members()
    assert list(members)[-2:] == ["packaged", "one"]
    assert members["packaged"]["path"] == "packaged_file:Site"
    assert {member["state"] for member in members.values()} == {"running"}
    for name, key, value in (("one", "pace", 7), ("heartbeat", "period", "3s")):
        entry = broker.ask("module-config", name=name)["config"][key]
        assert (entry["value"], entry["origin"]) == (value, "load argument")
    assert "packaged" in broker.flux("modinfo").stdout
    status = broker.json("status", "--json")
    assert status["next_start"] == {"version": 1, "result": "ok", "gone": [], "back": []}
    assert "by hand" not in broker.good("status")


def test_a_start_is_refused_by_what_comes_up_with_it(broker: RunningBroker) -> None:
    file = name_module(broker, "a.toml", '\n[[modules]]\nname = "nowhere"\n')
    assert "flux-broker: modprobe: nowhere: no such module" in start_refused(broker)
    assert f"({file}:3:1)" in broker.log_text()
    name_module(broker, "a.toml", '[[modules]]\nname = "one"\nmodule = "../one_file.py"\n'
                                  'args = ["pace=12"]\n')  # fmt: skip
    assert "flux-broker: one: one.pace: too fast" in start_refused(broker)
    (broker.root / "modprobe.d").chmod(0o777)
    assert "who could have any code run here" in start_refused(broker)


def test_what_was_done_by_hand_is_told_and_missed_after_a_restart(broker: RunningBroker) -> None:
    one = '[[modules]]\nname = "one"\nmodule = "../one_file.py"\n'
    name_module(broker, "one.toml", one)
    broker.options = (*broker.options, "--log-format=json")
    broker.start()
    other = str(broker.root / "other_file.py")
    assert broker.flux("module", "load", "--name=other", other).returncode == 0
    assert "other                running    1  (loaded by hand: not so after a restart)" in (
        broker.good("status")
    )
    broker.remove_module("one")
    status = broker.json("status", "--json")
    assert (status["next_start"]["gone"], status["next_start"]["back"]) == (["other"], ["one"])
    assert "removed by hand, back after a restart: one" in broker.good("status")

    # as soon as a file says so, it is not by hand any more
    name_module(broker, "other.toml", one.replace("one", "other"))
    assert broker.json("status", "--json")["next_start"]["gone"] == []
    file = name_module(broker, "other.toml", "[[modules]]\n")
    assert f"modules[0]: has no name ({file}:1:3)" in broker.good("status")
    file.unlink()

    # killed or not: who voted on what follows the last generation is missed
    broker.kill()
    broker.start()
    assert list(broker.members()) == ["one"]
    until(lambda: "fewer voters than before" in broker.log_text(), "the start warns")
    assert '"missed": ["other"]' in broker.log_text()
    assert broker.json("status", "--json")["missed"] == ["other"]
    assert "fewer voters than the last generation had: missed other" in broker.good("status")
    assert broker.flux("module", "load", "--name=other", other).returncode == 0
    assert broker.json("status", "--json")["missed"] == []
    assert "fewer voters" not in broker.good("status")

    # who was removed is not missed
    broker.remove_module("other")
    text = broker.log_text()
    assert broker.end() == 0
    broker.start()
    assert "missed" not in broker.json("status", "--json")
    assert "fewer voters" not in broker.log_text()[len(text) :]
