# SPDX-License-Identifier: LGPL-3.0-or-later
"""An agent that is what it always is, and dies when a test wants it to.

`python -m tests.fluxcore.crash_agent PLAN BETRAYAL` runs what a front starts, with a hook, which
the production code has for this.  PLAN is the place of its plans, BETRAYAL the name of a promise to
break, so that the judge can be tried, or "none".
"""

import sys
from collections.abc import Callable
from pathlib import Path

from cli.accord.agent import serve
from coordinator.fluxcore.named_changes import NamedChanges
from coordinator.fluxcore.service import Then
from participant.fluxcore.rank import Rank
from protocol.configuration import Configuration
from tests.chaos.plans import Striker


def says_committed() -> None:
    """Whoever asks what became of a change is told that it was committed."""

    def recall(self: NamedChanges, txid: str, then: Then) -> None:
        then(None)

    NamedChanges._recall = recall  # type: ignore[method-assign]


def runs_what_is_asked() -> None:
    """A rank has its modules run the candidate before anybody has voted."""
    validate = Rank._validate

    def validating(self: Rank, candidate: Configuration) -> None:
        self.modules.apply(candidate, self.in_force, lambda _: None)
        validate(self, candidate)

    Rank._validate = validating  # type: ignore[method-assign]


BETRAYALS: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    "says committed": says_committed,
    "runs what is asked": runs_what_is_asked,
}


if __name__ == "__main__":
    BETRAYALS[sys.argv[2]]()
    sys.exit(serve(rehearse=False, hook=Striker(Path(sys.argv[1]))))
