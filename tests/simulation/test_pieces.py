# SPDX-License-Identifier: LGPL-3.0-or-later
"""A run in pieces comes to what one run comes to, wherever it is broken off."""

from pathlib import Path

import pytest

from tests.simulation.__main__ import main
from tests.simulation.campaign import Campaign, Total
from tests.simulation.ledger import MemoryStore
from tests.simulation.mutants.all import mutated
from tests.simulation.pieces import MOST_VIOLATIONS, Pieces

CAMPAIGN = Campaign(MemoryStore)


def totals(pieces: Pieces) -> str:
    return "\n".join(pieces.report())


def test_broken_off_and_taken_up_again(tmp_path: Path) -> None:
    path = str(tmp_path / "pieces")
    running = Pieces(path, "code", CAMPAIGN).run(0, 30, size=8)
    assert next(running).total.seeds == 8
    running.close()
    list(Pieces(path, "code", CAMPAIGN).run(12, 6))  # somebody else's range, in the middle
    again = Pieces(path, "code", CAMPAIGN)
    done = [(piece.first, piece.end) for piece in again.run(0, 30, size=8)]
    assert done == [(8, 12), (18, 24), (24, 30)]
    whole: Total = CAMPAIGN.run(0, 30)
    assert f"all pieces: {whole}" in totals(again)
    assert f"crash broker {whole.deeds['crash broker']}," in totals(again)
    assert totals(Pieces(path, "code", CAMPAIGN)) == totals(again)
    assert list(again.run(0, 30)) == [], "nothing is left to be done"


def test_other_code_does_not_count(tmp_path: Path) -> None:
    path = str(tmp_path / "pieces")
    list(Pieces(path, "then", CAMPAIGN).run(0, 3))
    now = Pieces(path, "now", CAMPAIGN)
    assert totals(now).startswith("all pieces: 0 seeds")
    assert "3 seeds of other code" in totals(now)
    assert [piece.total.seeds for piece in now.run(0, 3)] == [3]


def test_goes_on_after_a_seed_that_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mutant = "commit-on-majority"
    with mutated(mutant):
        wrong = [seed for seed in range(12) if CAMPAIGN.run(seed, 1).failing is not None]
    assert 1 < len(wrong) < MOST_VIOLATIONS
    path = str(tmp_path / "pieces")
    arguments = ["--seeds", "12", "--jobs", "1", "--pieces", path, "--mutant", mutant]
    assert main(arguments) == 1
    told = capsys.readouterr().out
    assert all(f"seed {seed} breaks a promise" in told for seed in wrong)
    assert f"violations={len(wrong)}" in told
    assert main(arguments) == 1, "what was found stays found"


def test_a_file_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "pieces"
    path.write_text('{"first": 1}\n')
    with pytest.raises(ValueError, match=r"pieces:1 is no piece"):
        Pieces(str(path), "code", CAMPAIGN)
