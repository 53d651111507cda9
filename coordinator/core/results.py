# SPDX-License-Identifier: LGPL-3.0-or-later
"""What clients are told: how a request ended."""

from enum import StrEnum
from typing import NamedTuple

from protocol.configuration import Configuration
from protocol.reasons import Reason


class Result(StrEnum):
    """How a request ended."""

    COMMITTED = "committed"
    PARTIAL = "partial"
    VALID = "valid"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    UNDONE = "undone"
    """Committed, and taken back because a member could not apply it."""
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"
    EXTENDED = "extended"
    """What is unconfirmed has more time."""
    LOADED = "loaded"
    REMOVED = "removed"
    CONFIGURED = "configured"
    RELOADED = "reloaded"
    FAILED = "failed"
    """A reloaded module did not come up again; it is shown as failed."""


class Comparison(NamedTuple):
    """What a change was made from, and to."""

    before: Configuration
    after: Configuration


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
    """Members that do not run the generation in force; `reasons` says why."""
    seconds: float = 0.0
    confirm: float | None = None
    """Seconds until it is undone unless it is confirmed."""
    warnings: tuple[Reason, ...] = ()
    """What modules had to say without refusing."""
    compared: Comparison | None = None
    """Of a commit and of a dry run that would be one; the answer tells what differs."""
