# SPDX-License-Identifier: LGPL-3.0-or-later
"""A failing run, told to people: as short as it can be made, and how to see it again."""

from tests.simulation.run import MakeStore, Run
from tests.simulation.shrink import shrink


def story_of(found: Run, make_store: MakeStore) -> str:
    """The minimal story of a run in which something is wrong."""
    small = shrink(found, make_store)
    assert small.finding is not None
    return "\n".join(
        (
            f"seed {found.seed} breaks {small.finding.what}",
            f"in short ({len(small.actions)} of its {len(found.actions)} actions are enough):",
            *(f"  - {action}" for action in small.actions),
            *small.trace.text(),
            f"           {small.finding.what}",
            f"again: make simulate SEED={found.seed}",
        )
    )
