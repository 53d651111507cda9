# SPDX-License-Identifier: LGPL-3.0-or-later
"""The bridge to systemd's message bus."""

from typing import Annotated

from participant.modules.tables.base import LaxTable
from participant.modules.tables.conditional import only_when
from participant.modules.tables.systemd import ENABLED, Systemd, SystemdModule
from participant.settings.field import Field


class SdbusTable(Systemd):
    """What this module reads of `systemd`."""

    sdbus_debug: bool = Field(False, description="log every message on the bus")


class Sdbus(SystemdModule):
    """Carries messages to and from systemd's bus."""

    name = "sdbus"
    tables = ("systemd",)

    class Config(LaxTable):
        """The table of this module."""

        systemd: Annotated[SdbusTable, only_when(ENABLED)] = Field(default_factory=SdbusTable)

    config: Config
