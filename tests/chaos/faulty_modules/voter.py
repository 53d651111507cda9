# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module that writes down all it does, and does what the candidate says its name should do.

`[voter.do]` maps names to deeds: "refuse", "hang", "slow" (to commit), or a
fault with its point ("exit@commit").  A module does not know under which name it was loaded;
`tests.chaos.crash_process` tells it.
"""

import time
from collections.abc import Mapping
from typing import Any

from participant import Field, Module, Reject
from participant.settings.model import Settings
from tests.chaos import evidence, faults


class Voter(Module):
    """Votes as it is told, and keeps a diary."""

    table = "voter"

    class Config(Settings):
        serial: int = Field(0, description="makes every candidate another one")
        do: dict[str, str] = Field(default_factory=dict, description="deeds by name")

    diary: str | None = None
    """Where to write; None: where the environment says."""

    @property
    def who(self) -> str:
        """The name it was loaded under."""
        return evidence.own_name()

    def note(self, what: evidence.What, digest: str) -> None:
        """Write down what it does with a configuration."""
        evidence.write(self.who, what, digest, self.diary)

    def prepare(self, new: Any, config: Mapping[str, Any]) -> str:
        digest = evidence.digest_of(config)
        deed = new.do.get(self.who, "")
        if deed == "refuse":
            self.note("refused", digest)
            raise Reject(f"{self.who} will not have {new.serial}", key="serial")
        if deed == "hang":
            self.note("struck", digest)
            time.sleep(3600)
        faults.in_code(self.who, "prepare", deed, digest)
        self.note("accepted", digest)
        return digest

    def commit(self, staged: Any) -> None:
        if self.config.do.get(self.who) == "slow":
            time.sleep(0.5)
        self.note("ran", staged)
        faults.in_code(self.who, "commit", self.config.do.get(self.who, ""), staged)

    def abort(self, staged: Any) -> None:
        self.note("released", staged)
