# SPDX-License-Identifier: LGPL-3.0-or-later
"""Fluxion's matcher: flux-config-sched-fluxion-resource(5).  Its table is read at start only."""

from typing import Annotated

from participant.modules.tables.base import LaxTable
from participant.modules.tables.conditional import AT_START
from participant.modules.tables.fluxion_match import FluxionMatcher, MatchTable
from participant.settings.field import Field


class SchedFluxionResource(FluxionMatcher):
    """Matches jobs to resources, where Fluxion is the scheduler."""

    name = "sched-fluxion-resource"
    tables = ("sched-fluxion-resource",)

    class Config(LaxTable):
        """The table of this module."""

        sched_fluxion_resource: Annotated[MatchTable, AT_START] = Field(default_factory=MatchTable)

    config: Config
