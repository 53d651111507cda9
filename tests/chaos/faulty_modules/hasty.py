# SPDX-License-Identifier: LGPL-3.0-or-later
"""A traitor among modules: it takes a candidate into use while it is only asked about it."""

from collections.abc import Mapping
from typing import Any

from participant import Field, Module
from participant.settings.model import Settings
from tests.chaos import evidence


class Hasty(Module):
    """Applies in prepare, which the judges must notice."""

    table = "voter"

    class Config(Settings):
        serial: int = Field(0, description="makes every candidate another one")
        do: dict[str, str] = Field(default_factory=dict, description="deeds of others")

    def prepare(self, new: Any, config: Mapping[str, Any]) -> str:
        digest = evidence.digest_of(config)
        evidence.write("hasty", "accepted", digest)
        evidence.write("hasty", "ran", digest)
        return digest
