# SPDX-License-Identifier: LGPL-3.0-or-later
"""Everything that a module may do wrong, at every moment of a change, beside one that behaves."""

import time
from collections.abc import Iterator

import pytest

from tests.chaos import faults
from tests.chaos.broker import BRISK, ChaosBroker
from tests.chaos.campaign import digest_of_files
from tests.chaos.verdicts import Answered, answered_in_time
from tests.support.outcome import expect, told
from tests.support.patience import AT_ONCE, PATIENCE, until

SHORT = 1.0
"""Time allowed, in seconds, where the fault uses all of it."""
SLACK = AT_ONCE
"""How late an answer may be on a busy machine."""
MUTE = ("hang", "close")
"""Deeds after which a module says nothing more, and does not die of it."""
IN_CODE = ("raise", "raise-base", "giant")
"""Deeds that say something of their own when author's code does them."""
HARMLESS = {("vote-twice", "voted"), ("vote-twice", "commit"), ("vote-twice", "committed"),
            ("vote-other", "voted"), ("vote-other", "commit"), ("vote-other", "committed"),
            ("vote-other", "asked"), ("vote-other", "prepare"), ("garbage", "asked"),
            ("garbage", "prepare"), ("garbage", "voted"), ("garbage", "commit"),
            ("garbage", "committed")}  # fmt: skip


def rough(commit: float) -> Iterator[ChaosBroker]:
    """A broker with a good module, and no end of patience with the dying."""
    broker = ChaosBroker()
    try:
        broker.start(*BRISK, "--limit", f"COMMIT_SECONDS={commit}",
                    "--limit", "SHUTDOWN_SECONDS=0.3", modules=("good",))  # fmt: skip
        yield broker
        assert broker.judge() == []
    finally:
        broker.close()


@pytest.fixture(scope="module")
def patient() -> Iterator[ChaosBroker]:
    """One that waits long: whatever it decides, no busy machine has decided."""
    yield from rough(PATIENCE)


@pytest.fixture(scope="module")
def hasty() -> Iterator[ChaosBroker]:
    """One that does not wait long for those who are to apply a change."""
    yield from rough(SHORT)


def fresh(broker: ChaosBroker) -> None:
    """A bad module that has done nothing yet, in place of whatever is left of the last."""
    if "bad" in broker.members():
        broker.remove_module("bad")
    broker.write()
    expect(broker.reload(), "committed", "partial", "unchanged")  # partial: a short time to apply
    broker.wait_for("good", "running")
    broker.has_loaded("bad")


@pytest.mark.parametrize("point", faults.POINTS)
@pytest.mark.parametrize("kind", [kind for kind in faults.KINDS if kind not in MUTE])
def test_fault(patient: ChaosBroker, kind: str, point: str) -> None:
    """Nobody waits for a deadline: the module answers, or dies, which is noticed at once."""
    try_fault(patient, kind, point, allowed=PATIENCE, longest=0.0)


@pytest.mark.parametrize("point", faults.POINTS)
@pytest.mark.parametrize("kind", MUTE)
def test_mute(hasty: ChaosBroker, kind: str, point: str) -> None:
    """The deadline that is waited for is the shorter one: to vote, or to apply."""
    before = point in ("asked", "prepare")
    try_fault(hasty, kind, point, allowed=SHORT if before else PATIENCE, longest=SHORT)


LONGEST_LOG = 8 * 1024 * 1024


def try_fault(
    broker: ChaosBroker, kind: str, point: str, allowed: float, longest: float
) -> None:  # fmt: skip
    """One fault in one change that is allowed this time, and is answered after the longest wait."""
    fresh(broker)
    base = broker.generation
    broker.write(bad=f"{kind}@{point}")
    began = time.monotonic()
    outcome = broker.reload(timeout=allowed)
    overtime = time.monotonic() - began - longest
    print(f"answered {overtime:.3f} s beyond its deadline")
    committed = outcome["result"] in ("committed", "partial")
    assert outcome["generation"] == base + committed, told(outcome)
    if (kind, point) in HARMLESS:
        expect(outcome, "committed")
    elif point in ("asked", "prepare") and kind != "vote-twice":
        expect(outcome, "refused")
    if outcome["result"] in ("refused", "partial"):
        assert "bad" in {reason["module"] for reason in outcome["reasons"]}, told(outcome)
        assert all(len(reason["message"]) < 5000 for reason in outcome["reasons"])
    answered = Answered(outcome, digest_of_files(broker), overtime)
    assert broker.judge(answered) == []
    assert answered_in_time([answered], SLACK) == []
    broker.wait_for("good", "running")
    assert broker.log.stat().st_size < LONGEST_LOG, "what a module raises does not fill the disk"
    assert broker.ask("get")["generation"] == broker.rows()[-1].generation


def test_failed_commit_is_told_and_mended(broker: ChaosBroker) -> None:
    """Exit status 3 and the name; then the module is started again, into what was committed."""
    broker.start(modules=("a", "b"))
    base = broker.generation
    broker.write(b="raise@commit")
    done = broker.flux("config", "reload")
    assert done.returncode == 3
    assert "flux-config: b: failed in commit: commit raised RuntimeError" in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last == f"flux-config: generation {base + 1} is committed, but not applied by b"
    until(lambda: broker.members()["b"]["restarts"] == 1, "b is started again")
    assert broker.wait_for("b", "running")["generation"] == base + 1
    broker.write()
    broker.commits()
    assert broker.judge_at_rest() == []


def test_hang_in_commit_is_told_and_mended(broker: ChaosBroker) -> None:
    broker.start("--limit", "COMMIT_SECONDS=0.5", modules=("a", "b"))
    base = broker.generation
    broker.write(b="hang@commit")
    done = broker.flux("config", "reload")
    assert done.returncode == 3
    assert "flux-config: b: did not apply the change within 0.5 s" in done.stderr
    until(lambda: broker.members()["b"]["restarts"] == 1, "b is started again")
    assert broker.wait_for("b", "running")["generation"] == base + 1
    broker.write()
    broker.commits()
    assert broker.judge_at_rest() == []
