"""What clients ask for, and what they are told: plain data between the door and the machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from protocol import limits
from protocol.configuration import Configuration
from protocol.reasons import Reason


@dataclass(frozen=True, slots=True)
class Who:
    """Who asked, by the kernel's word (unix(7), SO_PEERCRED), and with which command."""

    uid: int = 0
    pid: int = 0
    command: str = ""


# Ways to make a candidate


@dataclass(frozen=True, slots=True)
class FromFiles:
    """The files on disk, read when the transaction's turn comes."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """This configuration in place of what runs."""

    configuration: Configuration


Proposal: TypeAlias = FromFiles | Replacement


@dataclass(frozen=True, slots=True)
class ChangeRequest:
    """Move everybody to a candidate, or (dry run) find out whether they would go."""

    proposal: Proposal
    verb: str
    who: Who = Who()
    seconds: float = limits.PREPARE_SECONDS
    dry_run: bool = False
    message: str = ""


@dataclass(frozen=True, slots=True)
class Spec:
    """What to run for a module: its file or bundled name, and its load arguments."""

    path: str
    arguments: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """Start a module and admit it: a transaction with one voter."""

    name: str
    spec: Spec
    seconds: float = limits.PREPARE_SECONDS


@dataclass(frozen=True, slots=True)
class RemoveRequest:
    """Take a module out of the vote and stop it."""

    name: str
    seconds: float = limits.PREPARE_SECONDS


Request: TypeAlias = ChangeRequest | LoadRequest | RemoveRequest


class Result(StrEnum):
    """How a request ended."""

    COMMITTED = "committed"
    PARTIAL = "partial"
    VALID = "valid"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    LOADED = "loaded"
    REMOVED = "removed"


EXIT_STATUS: Mapping[Result, int] = {
    Result.COMMITTED: 0,
    Result.PARTIAL: 3,
    Result.VALID: 0,
    Result.UNCHANGED: 0,
    Result.REFUSED: 1,
    Result.UNKNOWN: 3,
    Result.LOADED: 0,
    Result.REMOVED: 0,
}


@dataclass(frozen=True, slots=True)
class Outcome:
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

    def as_json(self) -> dict[str, Any]:
        """The shape that clients get; version 1, documented in docs/design.md."""
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
            "reasons": [reason.as_json() for reason in self.reasons],
        }


# What is remembered


@dataclass(frozen=True, slots=True)
class Decision:
    """A COMMIT on its way to the ledger."""

    generation: int
    txid: str
    epoch: int
    configuration: Configuration
    files: str | None
    """Digest of the files' merged content when they were last read, if ever."""
    members: tuple[str, ...]
    verb: str = ""
    who: Who = Who()
    message: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A ledger's word that the COMMIT of this txid is on disk; only a ledger makes these."""

    txid: str
    generation: int


@dataclass(frozen=True, slots=True)
class Durable:
    """A COMMIT that is on disk, whole; only a ledger makes these."""

    receipt: Receipt
    decision: Decision
    at: float = 0.0
    """Seconds since the Epoch, by the wall clock of the ledger's machine."""

    @property
    def generation(self) -> int:
        return self.decision.generation

    @property
    def configuration(self) -> Configuration:
        return self.decision.configuration


@dataclass(frozen=True, slots=True)
class Attempt:
    """A change that was refused; kept for the history, never among the generations."""

    txid: str
    base: int
    digest: str
    verb: str
    who: Who
    message: str
    reasons: tuple[Reason, ...] = field(default=())
