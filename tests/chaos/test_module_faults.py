# SPDX-License-Identifier: LGPL-3.0-or-later
"""Everything that a module may do wrong, at every moment of a change, beside one that behaves."""

import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from cli.client import Trouble
from tests.chaos import faults
from tests.chaos.campaign import digest_of_files
from tests.chaos.house import House, until
from tests.chaos.verdicts import Answered

PREPARE, COMMIT = 1.0, 1.0
"""Time allowed, in seconds; short, because many of these faults use all of it."""
SLACK = 0.5
"""How late an answer may be on a busy machine."""
IN_CODE = ("raise", "raise-base", "giant")
"""Deeds that say something of their own when author's code does them."""
HARMLESS = {("vote-twice", "voted"), ("vote-twice", "commit"), ("vote-twice", "committed"),
            ("vote-other", "voted"), ("vote-other", "commit"), ("vote-other", "committed"),
            ("vote-other", "asked"), ("vote-other", "prepare"), ("garbage", "asked"),
            ("garbage", "prepare"), ("garbage", "voted"), ("garbage", "commit"),
            ("garbage", "committed")}  # fmt: skip
overtimes: list[float] = []


@pytest.fixture(scope="module")
def rough() -> Iterator[House]:
    """A broker with a good module, short limits, and no end of patience with the dying."""
    house = House()
    try:
        house.start("--limit", f"COMMIT_SECONDS={COMMIT}", "--limit", "RESTART_DEATHS=1000",
                    "--limit", "RESTART_FIRST_SECONDS=0.01", "--limit",
                    "RESTART_LONGEST_SECONDS=0.01", "--limit", "SHUTDOWN_SECONDS=0.3",
                    modules=("good",))  # fmt: skip
        yield house
        print(f"longest answer beyond its deadline: {max(overtimes, default=0.0):.3f} s")
        assert house.judge() == []
    finally:
        house.close()


def fresh(house: House) -> None:
    """A bad module that has done nothing yet, in place of whatever is left of the last."""
    if "bad" in house.members():
        house.remove_module("bad")
    house.write()
    assert house.reload()["result"] in ("committed", "unchanged")
    assert house.load_module("bad")["result"] == "loaded"


@pytest.mark.parametrize("point", faults.POINTS)
@pytest.mark.parametrize("kind", faults.KINDS)
def test_fault(rough: House, kind: str, point: str) -> None:
    fresh(rough)
    base = rough.generation
    rough.write(bad=f"{kind}@{point}")
    began = time.monotonic()
    outcome = rough.reload(timeout=PREPARE)
    took = time.monotonic() - began
    committed = outcome["result"] in ("committed", "partial")
    overtime = took - (PREPARE + COMMIT if committed else PREPARE)
    overtimes.append(overtime)
    assert overtime < SLACK
    assert outcome["generation"] == base + committed
    if (kind, point) in HARMLESS:
        assert outcome["result"] == "committed", outcome["reasons"]
    elif point in ("asked", "prepare") and kind != "vote-twice":
        assert outcome["result"] == "refused"
    if outcome["result"] in ("refused", "partial"):
        assert "bad" in {reason["module"] for reason in outcome["reasons"]}
        assert all(len(reason["message"]) < 5000 for reason in outcome["reasons"])
    answered = Answered(outcome, digest_of_files(rough), overtime)
    assert rough.judge(answered) == []
    assert rough.members()["good"]["state"] == "running"
    assert rough.ask("get")["generation"] == rough.rows()[-1].generation


def test_failed_commit_is_told_and_mended(house: House) -> None:
    """Exit status 3 and the name; then the module is started again, into what was committed."""
    house.start(modules=("a", "b"))
    base = house.generation
    house.write(b="raise@commit")
    done = house.flux("config", "reload")
    assert done.returncode == 3
    assert "flux-config: b: failed in commit: commit raised RuntimeError" in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last == f"flux-config: generation {base + 1} is committed, but not applied by b"
    until(lambda: house.members()["b"]["restarts"] == 1, what="b is started again")
    assert house.wait_for("b", "running")["generation"] == base + 1
    house.write()
    assert house.reload()["result"] == "committed"
    assert house.judge_at_rest() == []


def test_hang_in_commit_is_told_and_mended(house: House) -> None:
    house.start("--limit", "COMMIT_SECONDS=0.5", modules=("a", "b"))
    base = house.generation
    house.write(b="hang@commit")
    done = house.flux("config", "reload")
    assert done.returncode == 3
    assert "flux-config: b: did not apply the change within 0.5 s" in done.stderr
    until(lambda: house.members()["b"]["restarts"] == 1, what="b is started again")
    assert house.wait_for("b", "running")["generation"] == base + 1
    house.write()
    with suppress(Trouble):
        assert house.reload(timeout=10)["result"] == "committed"
    assert house.judge_at_rest() == []
