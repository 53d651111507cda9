"""What a coordinator wants done, as data.

The order of persisting and sending is in the types.  A step yields effects and at most one
decision to force; nothing among the effects may depend on that decision, and nothing can: the only
effects that let a participant apply anything are `TellCommit` and `TellAdmit`, and they are made of
a `Receipt` and a `Durable`, which only a ledger hands out, after the disk has answered.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from coordinator.changes import Attempt, Decision, Durable, Outcome, Receipt, Spec, Who
from coordinator.edits import Edit
from protocol.messages import Abort, Arguments, Inquire, Prepare, Refuse, Shutdown
from protocol.reasons import Reason


@dataclass(frozen=True, slots=True)
class Send:
    """The same message to all these connections; encoded once."""

    peers: tuple[bytes, ...]
    message: Prepare | Abort | Refuse | Shutdown | Inquire


@dataclass(frozen=True, slots=True)
class TellCommit:
    """Commit, by authority of what is on disk."""

    peers: tuple[bytes, ...]
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class TellAdmit:
    """Admit to what is on disk."""

    peer: bytes
    durable: Durable
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """Read and merge the files on disk; answered by FilesRead."""

    txid: str


@dataclass(frozen=True, slots=True)
class Recall:
    """Read the configuration of an earlier generation; answered by FilesRead."""

    txid: str
    generation: int


@dataclass(frozen=True, slots=True)
class Edited:
    """The configuration with digest `after` is that with `before`, and this edit made."""

    before: str
    after: str
    edit: Edit
    who: Who


@dataclass(frozen=True, slots=True)
class Confirm:
    """Put on disk that this generation is not to be undone any more; answered by Confirmed."""

    generation: int


@dataclass(frozen=True, slots=True)
class StartProcess:
    """Start a module; answered by Spawned or Died."""

    name: str
    spec: Spec


@dataclass(frozen=True, slots=True)
class Watch:
    """Tell us by Died when this process, not ours, ends."""

    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class Kill:
    """End a process of ours at once."""

    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Tell the client how its request ended."""

    client: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Told:
    """Bring the client what a module told (JSON text), or why it did not."""

    client: int
    text: str = ""
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Remember:
    """Write a refused attempt into the history; losing it in a crash loses no promise."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class KnowFiles:
    """The files on disk equal what runs: remember their digest with the running generation."""

    generation: int
    digest: str


@dataclass(frozen=True, slots=True)
class KnowMember:
    """An attached participant became (`present`) or ceased to be a member."""

    name: str
    present: bool


@dataclass(frozen=True, slots=True)
class Wake:
    """Send Woke at this moment of the monotonic clock (seconds)."""

    at: float


@dataclass(frozen=True, slots=True)
class Note:
    """A line for the log."""

    event: str
    fields: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Ready:
    """The start is complete: clients may be let in.  `refused` says why not with the files."""

    refused: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The start failed, for these reasons."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Halt:
    """An orderly end: everything that had to be finished is."""


Effect: TypeAlias = (
    Send
    | TellCommit
    | TellAdmit
    | ReadFiles
    | Recall
    | Edited
    | Confirm
    | StartProcess
    | Watch
    | Kill
    | Answer
    | Told
    | Remember
    | KnowFiles
    | KnowMember
    | Wake
    | Note
    | Ready
    | GiveUp
    | Halt
)


class Step(NamedTuple):
    """Carry out the effects in order, then force the decision (if any) and answer Forced."""

    effects: tuple[Effect, ...]
    force: Decision | None = None
