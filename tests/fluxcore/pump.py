# SPDX-License-Identifier: LGPL-3.0-or-later
"""A module of a real Flux that votes, and keeps a diary that can be read: `pump.diary`."""

from typing import Any

from flux.brokermod import request_handler

from participant import FSD, Field, Module, Reject, Rejects
from participant.fluxcore.module import broker_module, guarded


class Pump(Module):
    """Keeps the cellar dry."""

    table = "pump"

    class Config(Module.Config):
        """How often and how much."""

        pace: FSD = Field("10s", description="time between strokes")
        strokes: int = Field(3, description="strokes in a row", ge=1, le=100)

    config: Config

    def __init__(self, arguments: Any = None) -> None:
        super().__init__(arguments)
        self.diary: list[list[Any]] = []
        self.beats = 0

    def prepare(self, new: Config, config: object) -> int:
        """Refuse two things at once; fail for 66."""
        if new.strokes == 66:
            raise RuntimeError("a fault of its author's")
        if new.pace < 1 and new.strokes > 10:
            raise Rejects([Reject("so often", key="pace"), Reject("so many", key="strokes")])
        if new.strokes > 50:
            self.warn("are many", key="strokes")
        self.diary.append(["prepare", new.strokes])
        return new.strokes

    def commit(self, staged: int) -> None:
        """Note it; fail for 44."""
        if staged == 44:
            raise RuntimeError("the pipe burst")
        self.diary.append(["commit", staged])

    def abort(self, staged: int) -> None:
        """Note it."""
        self.diary.append(["abort", staged])

    def run(self) -> None:
        """Beat, and fail at it now and then."""
        self.every(0.01, self._beat)

    def _beat(self) -> None:
        self.beats += 1
        if self.beats % 3 == 0:
            raise RuntimeError("a stroke that failed")


class PumpModule(broker_module(Pump)):  # type: ignore[misc]
    """The same in a Flux broker, with a request of its own."""

    @request_handler("diary")  # type: ignore[untyped-decorator]
    @guarded
    def tell(self, message: Any) -> None:
        """What it was told, and what it runs."""
        pump = self.voter.module
        told = {"diary": pump.diary, "strokes": pump.config.strokes, "beats": pump.beats}
        self.handle.respond(message, told)

    @request_handler("stumble")  # type: ignore[untyped-decorator]
    @guarded
    def stumble(self, message: Any) -> None:
        """Let an exception through."""
        raise ZeroDivisionError("oops")
