# SPDX-License-Identifier: LGPL-3.0-or-later
"""The simulation finds every bug that is planted; one that it missed would prove it blind."""

import pytest

from tests.simulation.mutants.all import MUTANTS, mutated
from tests.simulation.run import run
from tests.simulation.shrink import shrink

SEEDS = 3000


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_planted_bug_is_found(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with mutated(name):
        for seed in range(SEEDS):
            found = run(seed).finding
            if found is not None:
                break
    assert found is not None, f"{SEEDS} seeds have not found: {MUTANTS[name].words}"
    with capsys.disabled():
        print(f"\n{name}: {seed + 1} seeds; {found.what}", end="")


def test_a_failing_story_is_made_small() -> None:
    with mutated("slow-voter-not-told"):
        first = next(seed for seed in range(SEEDS) if run(seed).finding is not None)
        whole = run(first)
        small = shrink(whole)
    assert small.finding is not None
    assert len(small.actions) < len(whole.actions)


def test_nothing_stays_planted() -> None:
    for name in MUTANTS:
        with mutated(name):
            pass
    assert run(0).finding is None
