# SPDX-License-Identifier: LGPL-3.0-or-later
"""Seeds in which a promise seemed broken once: by the product, or by a checker that was too strict.

What a seed does changes with the schedule; then it is a seed like any other.
"""

import pytest

from tests.simulation.ledger import MemoryStore
from tests.simulation.report import story_of
from tests.simulation.run import run

SEEDS = {
    1000842: "P5: an Admit that was put off is taken up when the Commit before it is applied",
    1018438: "P5: the same, while another one is admitted",
    1007012: "timeline: the no of one that was admitted to it, when it was decided already",
    1007752: "timeline: one that was excused died before the others were told",
    1030712: "timeline: a yes of the same kind",
    1003936: "P2: one is admitted while what nobody reads is found out, and nobody was asked",
    1033656: "P2: the same, of one that was in doubt",
    3008612: "liveness: a new life was told the Commit of the one before, which it does not answer",
    3070841: "liveness: the same; its answer to the Admit was taken for that to the Commit",
    3111566: "liveness: in doubt, it came to another ledger, which had removed it, and did not go",
    10106071: "P2: who was late by a rounding error",
    11128973: "liveness: back in doubt at a start, it kept the values of a former life",
    11135826: "liveness: early, of a reload that was given up, and never told so",
    10226248: "liveness: the end of a child that had joined as a stranger, too, was told once only",
    11015479: "P2: one came back while the only other one owed an earlier vote",
    3005327: "warnings: a liar's yes came before its own vote, which warned",
}


@pytest.mark.parametrize("seed", SEEDS)
def test_it_is_well(seed: int) -> None:
    result = run(seed)
    if result.finding is not None:
        pytest.fail(f"{SEEDS[seed]}\n{story_of(result, MemoryStore)}", pytrace=False)
