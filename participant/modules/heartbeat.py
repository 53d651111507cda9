# SPDX-License-Identifier: LGPL-3.0-or-later
"""The heartbeat: flux-config-heartbeat(5).  The smallest module that does something."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Final

from participant.module import Module, Reject, Timer
from participant.modules.tables.base import StrictTable
from participant.settings.field import Field
from participant.settings.types import FSD, MORE_THAN_ZERO, Int32, at_least
from protocol.formats.fsd import format_fsd

SHORTEST: Final = 0.001
"""Seconds; a shorter period is allowed, as in Flux, but would only keep a processor busy."""


class Heartbeat(Module):
    """Beats at a steady pace, by which other modules and brokers keep time."""

    table = "heartbeat"

    class Config(StrictTable):
        """The pace, and how long silence is borne."""

        period: Annotated[FSD, MORE_THAN_ZERO] = Field(
            "2s", description="time between two beats, more than 0"
        )
        timeout: FSD = Field(
            "5m",
            description="silence after which a broker counts as lost, at least twice the period; "
            "0 or infinity disables it",
        )
        warn_thresh: Annotated[Int32, at_least(1)] = Field(
            3, alias="warn_thresh", description="missed beats before a warning, 1 or more"
        )

    config: Config

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        super().__init__(arguments)
        self.beats = 0
        self._beating: Timer | None = None

    def prepare(self, new: Config, config: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Refuse a timeout that one late beat would exceed; defaults count for keys left out."""
        disabled = new.timeout == 0 or math.isinf(new.timeout)
        if not disabled and new.timeout < 2 * new.period:
            raise Reject(
                f"the timeout ({format_fsd(new.timeout)}) must be at least twice the period "
                f"({format_fsd(new.period)}), or 0 or infinity to disable it",
                key="timeout" if "timeout" in new.model_fields_set else "period",
            )

    def commit(self, staged: None) -> None:  # noqa: ARG002
        """Beat at the new pace."""
        pace = max(self.config.period, SHORTEST)
        if self._beating is not None:
            if self._beating.seconds == pace:
                return
            self._beating.cancel()
            self._beating = None
        if math.isfinite(pace):
            self._beating = self.every(pace, self._beat)

    def _beat(self) -> None:
        self.beats += 1

    def stats(self) -> dict[str, Any]:
        """The pace in force in seconds, 0 for a timeout that is disabled; and the beats so far."""
        timeout = self.config.timeout
        return {
            "period": self.config.period,
            "timeout": 0.0 if math.isinf(timeout) else timeout,
            "count": self.beats,
            "warn_thresh": self.config.warn_thresh,
        }

    def clear_stats(self) -> None:
        """The beats are counted anew."""
        self.beats = 0
