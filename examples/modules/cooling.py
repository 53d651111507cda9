# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module in fifteen lines: it guards the table [cooling] of the example configuration."""

from participant import FSD, Field, Module, Reject


class Cooling(Module):
    """Keeps the pumps at the pace the configuration asks for."""

    table = "cooling"

    class Config(Module.Config):
        interval: FSD = Field("10s", description="time between looks at the pumps")
        target: int = Field(18, description="degrees Celsius", ge=5, le=40)

    def prepare(self, new: Config, config: object) -> None:  # noqa: ARG002
        if new.interval < 1 and new.target < 15:
            raise Reject("so cold so often would freeze the pipes", key="interval")
