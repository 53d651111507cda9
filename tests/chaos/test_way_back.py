# SPDX-License-Identifier: LGPL-3.0-or-later
"""Back is always open, and an answer tells the whole truth: real modules that break in commit."""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.chaos.broker import FAULTY, ChaosBroker
from tests.support.outcome import expect
from tests.support.patience import AT_ONCE, PATIENCE, until

FRAGILE = FAULTY / "fragile.py"
SHORT = 1.0
"""Seconds for what hangs in these tests: to apply a change, to come up again, between undos."""
TRIAL = 2.0
"""Seconds until what nobody confirms is undone."""
LIMITS = ("--limit", "RESTART_FIRST_SECONDS=0.01", "--limit", "RESTART_DEATHS=3",
          "--limit", "UNDO_AGAIN_SECONDS=0.5")  # fmt: skip
MUTE = ("--limit", f"COMMIT_SECONDS={SHORT}")

_serials = itertools.count(1)


class Fragility(ChaosBroker):
    """Its files are what the module Fragile reads."""

    def write(self, **deeds: str) -> int:
        serial = next(_serials)
        told = "".join(f'{name} = "{deed}"\n' for name, deed in deeds.items())
        self.write_text(f"[fragile]\nserial = {serial}\n\n[fragile.deeds]\n{told}")
        return serial

    def starts(self, *options: str, modules: tuple[str, ...] = ("a", "m")) -> int:
        """Start with modules that are well; the generation that they run."""
        self.launch(*LIMITS, *options, modules=modules, path=FRAGILE)
        self.wait_until_open()
        return self.generation

    def refused_undos(self) -> int:
        """How many undos are in the history as refused."""
        history = self.ask("history", most=20)["history"]
        return sum((entry["verb"], entry["result"]) == ("undo", "refused") for entry in history)

    def breaks(self, deed: str, **fields: Any) -> dict[str, Any]:
        """Commit what m cannot live with; the outcome."""
        self.write(m=deed)
        outcome = expect(self.reload(PATIENCE, **fields), "partial")
        assert (outcome["not_applied"], outcome["status"]) == (["m"], 3)
        return outcome

    def rests_at(self, generation: int) -> None:
        """All run this generation, and the next change goes through."""
        until(lambda: self.generation == generation, f"generation {generation}")
        for name in ("a", "m"):
            self.wait_for(name, "running")
        self.write()
        outcome = expect(
            self.reload(PATIENCE), "committed", "partial"
        )  # short is the time to apply
        assert outcome["asked"] == 2
        until(lambda: self.members()["m"]["generation"] == generation + 1, "m has applied it")


@pytest.fixture
def house() -> Iterator[Fragility]:
    """A broker's place; whoever re-reads what ran before is not judged by its diary."""
    found = Fragility()
    try:
        yield found
    finally:
        found.close()


@pytest.mark.parametrize("deed", ["die", "raise"])
def test_an_undo_does_not_wait_for_the_module_that_broke(house: Fragility, deed: str) -> None:
    base = house.starts()
    house.breaks(deed, confirm=TRIAL)
    house.rests_at(base + 2)
    undo = house.ask("history", most=10)["history"][1]
    assert (undo["verb"], undo["generation"]) == ("undo", base + 2)
    assert undo["members"] == ["a"]


def test_an_undo_does_not_wait_for_a_module_that_hangs(house: Fragility) -> None:
    base = house.starts(*MUTE)
    house.breaks("hang", confirm=TRIAL)
    house.rests_at(base + 2)


@pytest.mark.parametrize("deed", ["die", "raise"])
def test_a_rollback_brings_a_failed_module_back(house: Fragility, deed: str) -> None:
    base = house.starts()
    house.breaks(deed)
    house.wait_for("m", "failed")
    outcome = expect(house.ask("rollback", 3 * PATIENCE), "committed")
    assert (outcome["status"], outcome["generation"]) == (0, base + 2)
    house.rests_at(base + 2)


def test_a_removal_goes_ahead_of_an_undo_that_is_refused_again_and_again(house: Fragility) -> None:
    """Each undo is refused later than the next is due, so that the line would never move."""
    house.write(m="object")
    base = house.starts("--limit", "UNDO_AGAIN_SECONDS=0.2", modules=("a",))
    house.write()
    expect(house.reload(PATIENCE, confirm=SHORT), "committed")
    house.has_loaded("m", FRAGILE)
    until(lambda: house.refused_undos() >= 2, "an undo that is refused again")
    began = time.monotonic()
    expect(house.remove_module("m"), "removed")
    assert time.monotonic() - began < AT_ONCE
    until(lambda: house.generation == base + 2, "the undo")


def test_a_load_that_is_refused_leaves_the_failed_module_as_it_was(house: Fragility) -> None:
    house.starts()
    house.breaks("die")
    before = house.wait_for("m", "failed")
    outcome = expect(house.load_module("m", FRAGILE), "refused")
    assert outcome["status"] == 1
    after = house.members()["m"]
    for field in ("state", "why", "path", "restarts"):
        assert after[field] == before[field]
    house.write()
    assert house.refuses()["reasons"][0]["module"] == "m"
    expect(house.ask("rollback", 3 * PATIENCE), "committed")


def test_a_hang_over_a_runtime_value_is_mended(house: Fragility) -> None:
    base = house.starts(*MUTE)
    pid = house.pid("m")
    done = house.flux("module", "config", "set", "m", f"hang-once={house.root / 'hung'}")
    assert done.returncode == 3, done.stderr
    assert "did not apply the values" in done.stderr
    until(lambda: house.members()["m"]["pid"] not in (0, pid), "another process of m")
    house.rests_at(base)


@pytest.mark.parametrize("deed", ["die", "hang"])
def test_a_runtime_value_that_breaks_the_module_can_be_taken_back(
    house: Fragility, deed: str
) -> None:
    base = house.starts(*MUTE)
    done = house.flux("module", "config", "set", "m", f"deed={deed}")
    assert done.returncode == 3, done.stderr
    if deed == "die":
        house.wait_for("m", "failed")
    back = house.flux("module", "config", "unset", "m", "deed", "--timeout", f"{PATIENCE}s")
    assert back.returncode == 0, back.stderr
    house.rests_at(base)


def test_what_was_red_does_not_turn_green_by_being_said_again(house: Fragility) -> None:
    base = house.starts()
    house.breaks("die")
    house.wait_for("m", "failed")
    again = expect(house.reload(PATIENCE), "unchanged")
    assert (again["not_applied"], again["status"]) == (["m"], 3)
    assert "failed" in again["reasons"][0]["message"]
    said = house.flux("config", "reload")
    assert said.returncode == 3
    assert "not applied by m" in said.stderr
    (entry,) = (entry for entry in house.ask("history", most=10)["history"]
                if entry.get("generation") == base + 1)  # fmt: skip
    assert (entry["result"], entry["not_applied"]) == ("partial", ["m"])
    shown = house.flux("config", "history").stdout
    assert "partial" in shown
    assert "not applied by m" in shown


def test_said_again_it_waits_for_who_is_on_the_way(house: Fragility) -> None:
    base = house.starts("--limit", f"RESTART_FIRST_SECONDS={SHORT}")
    os.kill(house.pid("m"), signal.SIGKILL)
    until(lambda: house.members()["m"]["state"] != "running", "the death is noticed")
    green = expect(house.reload(PATIENCE), "unchanged")
    assert (green["not_applied"], green["status"]) == ([], 0)
    assert house.members()["m"]["state"] == "running"
    assert house.generation == base
