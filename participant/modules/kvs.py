# SPDX-License-Identifier: LGPL-3.0-or-later
"""The key-value store: flux-config-kvs(5)."""

from typing import Any, Final

from participant.module import Module
from participant.modules.tables.base import LaxTable
from participant.modules.tables.counters import nothing_measured, seconds
from participant.settings.field import Field
from participant.settings.types import FSD

_OF_A_NAMESPACE: Final = (
    "#versionwaiters",
    "#no-op stores",
    "#transactions",
    "#readytransactions",
    "store revision",
)


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
        """How often the store is saved, in seconds; nothing is stored."""
        return {
            "cache": {
                "obj size total (MiB)": 0.0,
                "obj size (KiB)": nothing_measured(0),
                "#obj dirty": 0,
                "#obj incomplete": 0,
                "#faults": 0,
            },
            "namespace": {"primary": dict.fromkeys(_OF_A_NAMESPACE, 0)},
            "transaction-opcount": {"commit": nothing_measured(0)},
            "pending_requests": 0,
            "checkpoint-period": seconds(self.config.checkpoint_period or 0.0),
        }
