# SPDX-License-Identifier: LGPL-3.0-or-later
"""The table `systemd`: flux-config-systemd(5).

flux-core loads sdbus and sdexec when a start finds `systemd.enable`, whatever its value.  Here they
are always loaded, and idle unless it was there at start.
"""

from collections.abc import Mapping
from typing import Any, Final

from participant.modules.tables.base import LaxTable
from participant.modules.tables.conditional import START, ConditionalModule
from participant.settings.field import Field

ENABLED: Final = "systemd is enabled"


class Systemd(LaxTable):
    """The key that both modules read; each has one more."""

    enable: Any = Field(
        None,
        restart=True,
        description="set at all, whatever its value: work with systemd from the next start on",
    )


class SystemdModule(ConditionalModule):
    """A module that works only where systemd was enabled at start."""

    enabled = False

    def conditions(self, config: Mapping[str, Any]) -> frozenset[str]:
        """ENABLED if this start, or the one before, found the key."""
        held = super().conditions(config)
        enabled = _enabled(config) if START in held else self.enabled
        return held | ({ENABLED} if enabled else set())

    def commit(self, staged: None) -> None:  # noqa: ARG002
        """What the start found holds until the next one."""
        if self.starting:
            self.enabled = _enabled(self.whole)

    def stats(self) -> dict[str, Any]:
        """Whether this module works, and what was said to it."""
        return {**super().stats(), "enabled": self.enabled}


def _enabled(config: Mapping[str, Any]) -> bool:
    table = config.get("systemd")
    return "enable" in table if isinstance(table, Mapping) else table is not None
