# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a coordinator's machine orders its driver to do, as data.

The order of persisting and sending is in the types.  A step yields effects and at most one
decision to force; nothing among the effects may depend on that decision, and nothing can: the only
effects that let a participant apply anything are `TellCommit` and `TellAdmit`, and they are made of
a `Receipt` and a `Durable`, which only a ledger hands out, after the disk has answered.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from coordinator.core.decisions import Attempt, Decision, Durable, Receipt
from coordinator.core.requests import Spec, Who
from coordinator.core.results import Comparison, Outcome
from protocol.keys import Path
from protocol.messages import Abort, Arguments, Inquire, Prepare, Refuse, Shutdown
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason


class Send(NamedTuple):
    """The same message to all these connections; encoded once."""

    peers: tuple[bytes, ...]
    message: Prepare | Abort | Refuse | Shutdown | Inquire


class TellCommit(NamedTuple):
    """Commit, by authority of what is on disk."""

    peers: tuple[bytes, ...]
    receipt: Receipt


class TellAdmit(NamedTuple):
    """Admit to what is on disk, in answer to the Join of this session."""

    peer: bytes
    session: str
    durable: Durable
    arguments: Arguments


class ReadFiles(NamedTuple):
    """Read and merge the files on disk; answered by CandidateRead."""

    txid: str


class FindUnread(NamedTuple):
    """Find the keys of a change that no module reads; answered by UnreadFound."""

    txid: str
    compared: Comparison


class ReadGeneration(NamedTuple):
    """Read the configuration of an earlier generation; answered by CandidateRead."""

    txid: str
    generation: int


class RecordEdit(NamedTuple):
    """A change of `keys` to the configuration with digest `before` gives that of `after`."""

    before: str
    after: str
    keys: tuple[Path, ...]
    who: Who
    text: str = ""
    """The digest of what stood in a text, where that is how they were given."""


class WriteConfirmation(NamedTuple):
    """Force to disk that this generation is confirmed; answered by ConfirmationWritten."""

    generation: int
    extend: float | None = None
    """Not confirmed, but undone only after so many seconds from now."""


class StartProcess(NamedTuple):
    """Start a module; answered by Started or Died."""

    name: str
    spec: Spec
    ticket: int
    """Given to this start alone: the name may be started again before the answer is here."""


class Watch(NamedTuple):
    """Answer with Died when this process, which is no child of ours, ends."""

    name: str
    pid: int
    ticket: int


class Kill(NamedTuple):
    """Kill the process of this start, as soon as it is there; answered by Died."""

    name: str
    ticket: int


class Answer(NamedTuple):
    """Tell the client how its request ended."""

    client: int
    outcome: Outcome


class AnswerInquiry(NamedTuple):
    """Answer a client with what a module reported (JSON text), or with why it did not."""

    client: int
    text: str = ""
    why_not: str = ""
    code: ReasonCode = ReasonCode.NOT_FOUND
    """Of `why_not`."""


class RecordAttempt(NamedTuple):
    """Write a refused attempt into the history; losing it in a crash breaks no guarantee."""

    attempt: Attempt


class RecordWarnings(NamedTuple):
    """Write into the history what modules warned of; losing it in a crash loses no promise."""

    generation: int
    digest: str
    """Of its configuration."""
    warnings: tuple[Reason, ...]


class RecordNotApplied(NamedTuple):
    """Who had not applied a generation when its change ended; a loss breaks no guarantee."""

    generation: int
    names: tuple[str, ...]


class RecordKept(NamedTuple):
    """All who are there have applied a provisional generation; a later life need not look again."""

    generation: int


class RecordFilesDigest(NamedTuple):
    """The files on disk equal what runs: record their digest with that generation."""

    generation: int
    digest: str


class RecordAttached(NamedTuple):
    """An attached participant became (`present`) or ceased to be a member."""

    name: str
    present: bool


class RecordVoter(NamedTuple):
    """A module of ours was loaded (`present`) or removed by a client; a loss loses no promise."""

    name: str
    present: bool


class Wake(NamedTuple):
    """Answer with TimePassed at this moment of the machine's clock."""

    at_monotonic: float
    """In seconds."""


class WriteLog(NamedTuple):
    """A line for the log."""

    event: str
    fields: tuple[tuple[str, Any], ...] = ()


class AnnounceReady(NamedTuple):
    """The start is complete: clients may be let in.  `refused` says why not with the files."""

    refused: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()


class GiveUp(NamedTuple):
    """The start failed, for these reasons."""

    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Halt:
    """The last effect: everything that had to be finished is, and the process may end."""


Effect: TypeAlias = (
    Send
    | TellCommit
    | TellAdmit
    | ReadFiles
    | FindUnread
    | ReadGeneration
    | RecordEdit
    | WriteConfirmation
    | StartProcess
    | Watch
    | Kill
    | Answer
    | AnswerInquiry
    | RecordAttempt
    | RecordWarnings
    | RecordNotApplied
    | RecordKept
    | RecordFilesDigest
    | RecordAttached
    | RecordVoter
    | Wake
    | WriteLog
    | AnnounceReady
    | GiveUp
    | Halt
)


class Step(NamedTuple):
    """Carry out the effects in order, then force the decision (if any) and answer Forced."""

    effects: tuple[Effect, ...]
    force: Decision | None = None
