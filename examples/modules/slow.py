# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module with a flaw: asked about a [slow] table, it thinks for as long as that says."""

import time

from participant import Field, Module


class Slow(Module):
    """Takes its time."""

    table = "slow"

    class Config(Module.Config):
        seconds: int = Field(0, description="seconds to think about a candidate")

    def prepare(self, new: Config, config: object) -> None:  # noqa: ARG002
        time.sleep(new.seconds)
