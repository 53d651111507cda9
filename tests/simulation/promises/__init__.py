# SPDX-License-Identifier: LGPL-3.0-or-later
"""The promises, each as a checker that watches every step of a world."""

from tests.simulation.promises.base import Broken, Hooks, Promise
from tests.simulation.promises.drawn import Drawn
from tests.simulation.promises.p1_committed_only import CommittedOnly
from tests.simulation.promises.p2_unanimous import Unanimous
from tests.simulation.promises.p3_never_rejected import NeverRejected
from tests.simulation.promises.p4_rising import Rising
from tests.simulation.promises.p5_untouched import Untouched
from tests.simulation.promises.p6_lasting import Lasting
from tests.simulation.promises.p7_fenced import Fenced
from tests.simulation.promises.p8_answered import Answered
from tests.simulation.promises.p9_shown import Shown
from tests.simulation.promises.settled import Settled
from tests.simulation.promises.truthful import Truthful
from tests.simulation.promises.undone import Undone
from tests.simulation.promises.warned import Warned

ALL: tuple[type[Promise], ...] = (
    CommittedOnly, Unanimous, NeverRejected, Rising, Untouched, Lasting, Fenced, Answered, Shown,
    Truthful, Undone, Warned, Drawn, Settled,
)  # fmt: skip

__all__ = ["ALL", "Broken", "Hooks", "Promise"]
