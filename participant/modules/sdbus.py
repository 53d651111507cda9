"""The bridge to systemd's message bus."""

from typing import Annotated

from participant.field import Field
from participant.modules.conditional import only_when
from participant.modules.systemd import ENABLED, Systemd, SystemdModule
from participant.modules.tables import LaxTable


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
