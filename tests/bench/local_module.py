# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module as users have them, for the bench: a process of the broker's own."""

from typing import Any

from participant import Field, Module, Reject


class Local(Module):
    """Accepts everything, except what says that this very member must refuse."""

    table = "bench"

    class Config(Module.Config):
        """Which of them this is, by a load argument."""

        x: int = Field(0, description="something to configure")
        number: int = Field(-1, description="refuse what says this number")

    def prepare(self, new: Any, config: Any) -> None:
        if config["refuse"] == new.number:
            raise Reject("told to refuse", key="refuse")
