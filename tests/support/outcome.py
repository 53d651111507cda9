# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a change came to, and why, for people who read a failed test."""

from collections.abc import Mapping
from typing import Any


def told(outcome: Mapping[str, Any] | None) -> str:
    """An outcome with all its reasons, one a line."""
    if outcome is None:
        return "no outcome: the broker went away before it answered"
    head = {key: value for key, value in outcome.items() if key != "reasons"}
    return "\n".join([f"outcome {head}", *(f"  {_line(reason)}" for reason in outcome["reasons"])])


def expect(outcome: Mapping[str, Any] | None, *results: str) -> dict[str, Any]:
    """The outcome, which must be one of these.  Raises AssertionError that tells its reasons."""
    if outcome is None or outcome["result"] not in results:
        raise AssertionError(f"expected {' or '.join(results)}; {told(outcome)}")
    return dict(outcome)


def _line(reason: Mapping[str, Any]) -> str:
    place = ":".join(str(reason[part]) for part in ("source", "line") if part in reason)
    parts = (reason.get("module"), reason.get("key"), reason["message"])
    return ": ".join(str(part) for part in parts if part) + (f" ({place})" if place else "")
