# SPDX-License-Identifier: LGPL-3.0-or-later
"""The ledger on a disk that loses all that was not synced, cut off at moments of its whole life.

One process lives, writes into the journal what it does and what it could tell, and another lives
after it; then the power is cut after this record and that, and a new broker's ledger is opened.
"""

import random
from pathlib import Path

import pytest

from tests.chaos.power import journal
from tests.chaos.power.judge import cuts
from tests.chaos.power.lives import Lives
from tests.chaos.power.writer import IN_DOUBT, UNUSABLE


def judged(lives: Lives, seed: int, likely: float) -> tuple[int, list[str]]:
    """Cut the power at so many of all moments; how often, and what was wrong."""
    records = journal.read(lives.path)
    into = lives.directory.with_name("cut")
    return cuts(lives.disk, records, into, random.Random(seed), journal.STYLES, likely)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_told_is_there(library: Path, memory: Path, seed: int) -> None:
    lives = Lives.begin(memory)
    assert lives.live(library, seed, 60) == 0
    assert lives.live(library, 1000 + seed, 25) == 0
    count, found = judged(lives, seed, likely=0.2)
    assert found == []
    assert count > 100
    assert lives.disk.syncs > 30, "SQLite's calls are seen"
    assert lives.disk.maps == 2, "once a life, and only the shared memory"
    there = {path.name: path.read_bytes() for path in lives.directory.iterdir()}
    played = lives.disk.contents()
    assert there.keys() == played.keys()
    for name in there:
        assert there[name] == played[name], f"a write to {name} was not seen"


def test_after_an_fsync_that_failed(library: Path, memory: Path) -> None:
    """The next life reads what is in the cache, and must not build on it."""
    ends = []
    for fails in (*range(3, 8), *range(9, 60, 10)):
        (root := memory / str(fails)).mkdir()
        lives = Lives.begin(root)
        ends.append(lives.live(library, fails, 50, fail_sync=fails))
        assert lives.live(library, 1000 + fails, 12) == 0
        _, found = judged(lives, fails, likely=0.05)
        assert found == [], f"after the failure of sync {fails}"
    assert {0, IN_DOUBT, UNUSABLE} == set(ends), "in a record, in a decision, at the start"


@pytest.mark.parametrize(
    ("plant", "moment", "expected"),
    [
        ("synchronous OFF", "", "was told, and"),
        ("synchronous NORMAL", "", "was told, and"),
        ("mark ahead", "", "had been reached"),
        ("trusts the cache", "decide", "was told, and"),
        ("forgets the failure", "tidy", "was told, and"),
    ],
)
def test_the_judge_sees(
    library: Path, memory: Path, plant: str, moment: str, expected: str
) -> None:
    lives = Lives.begin(memory)
    lives.live(library, 3, 40, plant, moment)
    lives.live(library, 1003, 20, plant)
    _, found = judged(lives, 1, likely=0.1)
    assert any(expected in what for what in found), found


def test_the_judge_sees_names_that_are_lost(library: Path, memory: Path) -> None:
    """Without our own sync of the directory: SQLite does not look how its own has ended."""
    found = []
    for fails in (5, 6, 7):
        (root := memory / str(fails)).mkdir()
        lives = Lives.begin(root)
        lives.live(library, 1, 3, "names not synced", fail_sync=fails)
        found += judged(lives, 1, likely=0.5)[1]
    assert any("it is another ledger" in what for what in found), found
