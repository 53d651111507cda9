# SPDX-License-Identifier: LGPL-3.0-or-later
"""The key-value store: flux-config-kvs(5)."""

from typing import Any

from participant.module import Module
from participant.modules.tables.base import LaxTable
from participant.settings.field import Field
from participant.settings.types import FSD
from protocol.formats.fsd import format_fsd


class Kvs(Module):
    """Stores the instance's keys and values."""

    table = "kvs"

    class Config(LaxTable):
        """The table `kvs`."""

        checkpoint_period: FSD | None = Field(
            None, description="time between checkpoints; 0 or absent for none"
        )
        gc_threshold: Any = Field(
            0, description="commits after which a shutdown offers to clear garbage; never checked"
        )

    config: Config

    def stats(self) -> dict[str, Any]:
        """How often the store is saved."""
        return {"checkpoint-period": format_fsd(self.config.checkpoint_period or 0.0)}
