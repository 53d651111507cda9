# SPDX-License-Identifier: LGPL-3.0-or-later
"""What clients are told: how a request ended."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from protocol.reasons import Reason


class Result(StrEnum):
    """How a request ended."""

    COMMITTED = "committed"
    PARTIAL = "partial"
    VALID = "valid"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"
    LOADED = "loaded"
    REMOVED = "removed"
    CONFIGURED = "configured"
    RELOADED = "reloaded"
    FAILED = "failed"
    """A reloaded module did not come up again; it is shown as failed."""


EXIT_STATUS: Mapping[Result, int] = {
    Result.COMMITTED: 0,
    Result.PARTIAL: 3,
    Result.VALID: 0,
    Result.UNCHANGED: 0,
    Result.REFUSED: 1,
    Result.UNKNOWN: 3,
    Result.CONFIRMED: 0,
    Result.LOADED: 0,
    Result.REMOVED: 0,
    Result.CONFIGURED: 0,
    Result.RELOADED: 0,
    Result.FAILED: 1,
}


class Outcome(NamedTuple):
    """The answer to a request.  `generation` is the one in force afterwards."""

    result: Result
    generation: int
    txid: str = ""
    reasons: tuple[Reason, ...] = ()
    digest: str = ""
    """Digest of what was asked about: the candidate, or what a module was to be admitted to."""
    asked: int = 0
    not_applied: tuple[str, ...] = ()
    seconds: float = 0.0
    confirm: float | None = None
    """Seconds until it is undone unless it is confirmed."""
    warnings: tuple[Reason, ...] = ()
    """What modules had to say without refusing."""

    def as_json(self) -> dict[str, Any]:
        """The shape that clients get; version 1, documented in docs/json.md."""
        return {
            "version": 1,
            "result": str(self.result),
            "status": EXIT_STATUS[self.result],
            "generation": self.generation,
            "txid": self.txid,
            "digest": self.digest,
            "asked": self.asked,
            "not_applied": list(self.not_applied),
            "seconds": round(self.seconds, 6),
            "confirm": self.confirm,
            "reasons": [reason.as_json() for reason in self.reasons],
            "warnings": [warning.as_json() for warning in self.warnings],
        }
