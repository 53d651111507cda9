# SPDX-License-Identifier: LGPL-3.0-or-later
"""The start of processes as systemd units: flux-config-sdexec(5)."""

from typing import Annotated, Any

from participant.modules.tables.base import LaxTable
from participant.modules.tables.conditional import only_when
from participant.modules.tables.systemd import ENABLED, Systemd, SystemdModule
from participant.settings.field import Field


class SdexecSystemdTable(Systemd):
    """What this module reads of `systemd`."""

    sdexec_debug: bool = Field(False, description="log every unit's changes")


class Sdexec(SystemdModule):
    """Runs processes as systemd units."""

    name = "sdexec"
    tables = ("systemd", "sdexec")

    class Config(LaxTable):
        """The tables of this module."""

        systemd: Annotated[SdexecSystemdTable, only_when(ENABLED)] = Field(
            default_factory=SdexecSystemdTable
        )
        sdexec: Any = Field(
            None,
            description="mapper and mapper-searchpath: code that maps resources to units; read on "
            "first use, never checked",
        )

    config: Config

    def stats(self) -> dict[str, Any]:
        """Whether it works; no process is run."""
        return {"procs": {}, "enabled": self.enabled}
