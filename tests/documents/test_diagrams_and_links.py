# SPDX-License-Identifier: LGPL-3.0-or-later
"""The documents say what the code does, where that can be checked."""

import re
from pathlib import Path

import pytest

from coordinator.core.diagrams import MACHINES, StateMachine, all_diagrams
from protocol.diagrams import draw, redraw
from protocol.transitions import TRANSACTION, TransactionInput, TransactionState

ROOT = Path(__file__).parents[2]
DESIGN = (ROOT / "docs" / "design.md").read_text()


def test_the_diagrams_are_those_of_the_tables() -> None:
    assert redraw(DESIGN, all_diagrams()) == DESIGN, "run `make diagrams`"
    for text in all_diagrams().values():
        assert text in DESIGN


def test_a_drift_would_be_noticed() -> None:
    drifted = {
        **TRANSACTION,
        (TransactionState.FORCING, TransactionInput.LATE): TransactionState.ABORTED,
    }
    assert draw(drifted, TransactionState.GATHERING) not in DESIGN


@pytest.mark.parametrize("machine", MACHINES.values(), ids=MACHINES)
def test_every_state_can_be_reached(machine: StateMachine) -> None:
    states = set(type(machine.begins[0]))
    reached = set(machine.begins)
    for _ in states:
        reached |= {after for (before, _), after in machine.table.items() if before in reached}
    assert reached == states


def test_every_link_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
