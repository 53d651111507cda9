# SPDX-License-Identifier: LGPL-3.0-or-later
"""The documents say what the code does, where that can be checked."""

import re
from pathlib import Path

from protocol.diagrams import all_diagrams, draw, redraw
from protocol.transitions import (
    PARTICIPANT,
    TRANSACTION,
    ParticipantState,
    TransactionInput,
    TransactionState,
)

ROOT = Path(__file__).parents[2]
DESIGN = (ROOT / "docs" / "design.md").read_text()


def test_the_diagrams_are_those_of_the_tables() -> None:
    assert redraw(DESIGN) == DESIGN, "run `make diagrams`"
    for text in all_diagrams().values():
        assert text in DESIGN


def test_a_drift_would_be_noticed() -> None:
    drifted = {
        **TRANSACTION,
        (TransactionState.FORCING, TransactionInput.LATE): TransactionState.ABORTED,
    }
    assert draw(drifted, TransactionState.GATHERING) not in DESIGN


def test_every_state_can_be_reached() -> None:
    for table, first, states in (
        (TRANSACTION, TransactionState.GATHERING, set(TransactionState)),
        (PARTICIPANT, ParticipantState.IDLE, set(ParticipantState)),
    ):
        reached = {first}
        for _ in states:
            reached |= {after for (before, _), after in table.items() if before in reached}
        assert reached == states


def test_every_link_leads_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
