# SPDX-License-Identifier: LGPL-3.0-or-later
"""Fluxion's check at submission: its table has the keys of sched-fluxion-resource.

It matches by a policy of its own ("first"), so one in the table must be well formed, and no more.
"""

from typing import Annotated

from participant.modules.tables.base import LaxTable
from participant.modules.tables.conditional import AT_START
from participant.modules.tables.fluxion_match import FluxionMatcher, MatchTable
from participant.settings.field import Field


class SchedFluxionFeasibility(FluxionMatcher):
    """Tells whether a job could ever run, where Fluxion is the scheduler."""

    name = "sched-fluxion-feasibility"
    tables = ("sched-fluxion-feasibility",)
    matches = False

    class Config(LaxTable):
        """The table of this module."""

        sched_fluxion_feasibility: Annotated[MatchTable, AT_START] = Field(
            default_factory=MatchTable
        )

    config: Config
