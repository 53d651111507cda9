# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module that its configuration breaks, every time anew: in commit, after an honest yes.

`[fragile.deeds]` maps names to what befalls the module of that name: "die", "hang", "raise", or
"object", which is a no that takes its time.
"""

import os
import time
from collections.abc import Mapping
from typing import Any

from participant import Field, Module, Reject
from participant.settings.model import Settings
from tests.chaos import evidence

SLOW_SECONDS = 0.7


class Fragile(Module):
    """Accepts what it cannot live with."""

    table = "fragile"

    class Config(Settings):
        serial: int = Field(0, description="makes every candidate another one")
        deeds: dict[str, str] = Field(default_factory=dict, description="what befalls whom")
        deed: str = Field("", description="what befalls whoever has this value")
        hang_once: str = Field("", description="hang in commit where there is no such file yet")

    def prepare(self, new: Any, config: Mapping[str, Any]) -> None:
        if new.deeds.get(evidence.own_name()) == "object":
            time.sleep(SLOW_SECONDS)
            raise Reject("never again", key="deeds")

    def commit(self, staged: Any) -> None:
        deed = self.config.deeds.get(evidence.own_name(), self.config.deed)
        if deed == "die":
            os._exit(3)
        if deed == "raise":
            raise RuntimeError("it cannot live with that")
        if self.config.hang_once and not os.path.exists(self.config.hang_once):
            with open(self.config.hang_once, "w"):
                deed = "hang"
        if deed == "hang":
            time.sleep(3600)
