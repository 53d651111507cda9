# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module that implements neither prepare nor commit nor abort: it only looks at what it runs."""

from participant import Field, Module
from participant.settings.model import Settings
from tests.chaos import evidence


class Plain(Module):
    """Takes part by default."""

    table = "voter"

    class Config(Settings):
        serial: int = Field(0, description="makes every candidate another one")
        do: dict[str, str] = Field(default_factory=dict, description="deeds of others")

    seen = ""

    def run(self) -> None:
        self.look()
        self.every(0.01, self.look)

    def look(self) -> None:
        """Write down what is in force, when it is another than before."""
        digest = self.configuration.digest
        if digest != self.seen and self.whole["voter"]["serial"] == self.config.serial:
            self.seen = digest
            evidence.write("plain", "ran", digest)
