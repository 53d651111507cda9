# SPDX-License-Identifier: LGPL-3.0-or-later
"""An outcome in the shape that clients get, and the exit status that commands make of it."""

from collections.abc import Mapping
from typing import Any

from coordinator.core.results import Outcome, Result

EXIT_STATUS: Mapping[Result, int] = {
    Result.COMMITTED: 0,
    Result.PARTIAL: 3,
    Result.VALID: 0,
    Result.UNCHANGED: 0,
    Result.REFUSED: 1,
    Result.UNDONE: 1,
    Result.UNKNOWN: 3,
    Result.CONFIRMED: 0,
    Result.EXTENDED: 0,
    Result.LOADED: 0,
    Result.REMOVED: 0,
    Result.CONFIGURED: 0,
    Result.RELOADED: 0,
    Result.FAILED: 1,
}


def status(outcome: Outcome) -> int:
    """The exit status: what is not applied everywhere is no success, whatever it is called."""
    return EXIT_STATUS[Result.PARTIAL if outcome.not_applied else outcome.result]


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Version 1 of the shape, documented in docs/json.md."""
    return {
        "version": 1,
        "result": str(outcome.result),
        "status": status(outcome),
        "generation": outcome.generation,
        "txid": outcome.txid,
        "digest": outcome.digest,
        "asked": outcome.asked,
        "not_applied": list(outcome.not_applied),
        "seconds": round(outcome.seconds, 6),
        "confirm": outcome.confirm,
        "reasons": [reason.as_json() for reason in outcome.reasons],
        "warnings": [warning.as_json() for warning in outcome.warnings],
    }
