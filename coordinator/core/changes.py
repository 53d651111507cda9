"""What clients ask for, and what they are told: plain data between the door and the machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from coordinator.core.edit import Edit
from protocol import limits
from protocol.configuration import Configuration
from protocol.reasons import Origin, Reason


class Who(NamedTuple):
    """Who asked, by the kernel's word (unix(7), SO_PEERCRED), and with which command."""

    uid: int = 0
    pid: int = 0
    command: str = ""

    @property
    def origin(self) -> Origin:
        """Where the values that this command gave are said to come from."""
        return Origin(f"{self.command or 'an edit'} by uid {self.uid}")


# Ways to make a candidate


@dataclass(frozen=True, slots=True)
class FromFiles:
    """The files on disk, read when the transaction's turn comes."""


class Replacement(NamedTuple):
    """This configuration in place of what runs."""

    configuration: Configuration


class Earlier(NamedTuple):
    """What an earlier generation was; None for the one before what runs when the turn comes."""

    generation: int | None = None


Proposal: TypeAlias = FromFiles | Replacement | Edit | Earlier


class ChangeRequest(NamedTuple):
    """Move everybody to a candidate, or (dry run) find out whether they would go."""

    proposal: Proposal
    verb: str
    who: Who = Who()
    seconds: float = limits.PREPARE_SECONDS
    dry_run: bool = False
    message: str = ""
    if_generation: int | None = None
    """Refuse unless this generation is in force when the turn comes."""
    confirm: float | None = None
    """Undo it by itself unless it is confirmed within these seconds."""


class ConfirmRequest(NamedTuple):
    """Keep what was committed with `confirm`."""

    who: Who = Who()
    seconds: float = limits.PREPARE_SECONDS


class Spec(NamedTuple):
    """What to run for a module: its file or bundled name, and its load arguments."""

    path: str
    arguments: tuple[tuple[str, str], ...] = ()


class RuntimeValue(NamedTuple):
    """A value set for one module while it runs, as text, and who set it, for people."""

    value: str
    origin: str


class ConfigureRequest(NamedTuple):
    """Give one module other runtime values, all or none: a transaction with one voter."""

    name: str
    given: tuple[tuple[str, str | None], ...]
    """Dotted keys and values as text; None to take a runtime value back."""
    who: Who = Who()
    seconds: float = limits.PREPARE_SECONDS
    dry_run: bool = False


class ModuleReloadRequest(NamedTuple):
    """Stop a module's process and start another with the same arguments and runtime values."""

    name: str
    seconds: float = limits.PREPARE_SECONDS
    otherwise: Spec | None = None
    """What to load where it is not loaded; None: that is refused."""


class LoadRequest(NamedTuple):
    """Start a module and admit it: a transaction with one voter."""

    name: str
    spec: Spec
    seconds: float = limits.PREPARE_SECONDS


class RemoveRequest(NamedTuple):
    """Take a module out of the vote and stop it."""

    name: str
    seconds: float = limits.PREPARE_SECONDS


Request: TypeAlias = (
    ChangeRequest
    | ConfirmRequest
    | ConfigureRequest
    | LoadRequest
    | ModuleReloadRequest
    | RemoveRequest
)


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
        }


# What is remembered


class Decision(NamedTuple):
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
    confirm: float | None = None
    """Seconds after which it is undone unless it is confirmed; written with it."""


class Receipt(NamedTuple):
    """A ledger's word that the COMMIT of this txid is on disk; only a ledger makes these."""

    txid: str
    generation: int


class Durable(NamedTuple):
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


class Unconfirmed(NamedTuple):
    """A generation that is undone at `due` (of the machine's clock) unless it is confirmed."""

    generation: int
    before: Configuration
    """What ran before it, and will run again."""
    due: float


class Attempt(NamedTuple):
    """A change that was refused; kept for the history, never among the generations."""

    txid: str
    base: int
    digest: str
    verb: str
    who: Who
    message: str
    reasons: tuple[Reason, ...] = ()
