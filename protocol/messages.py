# SPDX-License-Identifier: LGPL-3.0-or-later
"""The words that coordinator and participants say to each other.

A message is a frozen value.  Every message carries the epoch of the coordinator's life that its
sender knows, so that words from a former life can be told apart (fencing; Gray & Lamport,
"Consensus on Transaction Commit", 2006, for the two phases; Kleppmann, "How to do distributed
locking", 2016, for the token).  Epochs count the lives of one ledger and say nothing about those of
another, so whatever commands, and a Join, names the ledger, too.  Every message of a participant
also carries its incarnation, so that an answer of a life that has ended is never taken for an
answer of the present one.
"""

from enum import StrEnum
from typing import NamedTuple, TypeAlias

from protocol.reasons import Reason

Digest: TypeAlias = str
"""SHA-256 in hexadecimal."""

LedgerId: TypeAlias = str
"""The identity of a ledger, random at its birth; empty for none."""

NOTHING: Digest = ""
"""The digest of a participant that runs no configuration yet."""


class Argument(NamedTuple):
    """A value that one participant alone is given, over what the configuration says."""

    origin: str
    """Who gave it, for people: LOAD_ARGUMENT, or who set it at runtime."""
    key: str
    """Dotted, relative to the participant's own tables."""
    value: str
    """As it was typed; the participant knows the type."""


LOAD_ARGUMENT = "load argument"

Arguments: TypeAlias = tuple[Argument, ...]
"""In the order in which they were given; of two for the same key the later counts."""


# From a participant


class Join(NamedTuple):
    """I am here, this is what I run, and this is the decision I am waiting for (if any)."""

    ledger: LedgerId
    """That of the coordinator obeyed last; generation, epoch and doubt are its."""
    epoch: int
    incarnation: str
    name: str
    version: int
    generation: int
    digest: Digest
    in_doubt: str | None
    pid: int
    session: str
    """Different for every Join there ever was; an Admit says which of them it answers."""
    description: str
    """JSON text about the module: purpose and the schema of its parameters."""


class Vote(NamedTuple):
    """My answer to Prepare; a yes binds me until I hear the decision."""

    epoch: int
    incarnation: str
    txid: str
    yes: bool
    reasons: tuple[Reason, ...] = ()
    warnings: tuple[Reason, ...] = ()
    """What whoever asked should know, whichever way the vote goes."""


class Applied(NamedTuple):
    """`ok`: I now run this generation.  Otherwise I do not, for these reasons."""

    epoch: int
    incarnation: str
    generation: int
    digest: Digest
    ok: bool
    reasons: tuple[Reason, ...] = ()
    report: str = "{}"
    """JSON text: the values in force, the origin of each, and what waits for a restart."""
    warnings: tuple[Reason, ...] = ()
    """Of an admission, which has no vote to tell them."""


class Leave(NamedTuple):
    """I am going; `reasons` where it was not wanted (a module file that cannot be loaded)."""

    epoch: int
    incarnation: str
    name: str
    reasons: tuple[Reason, ...] = ()


class Report(NamedTuple):
    """The answer to Inquire: `text` is JSON."""

    epoch: int
    incarnation: str
    ticket: int
    text: str


# From the coordinator


class Admit(NamedTuple):
    """This is the committed configuration, and these are your arguments: check both, apply them.

    To one that joins, it is the way to membership; to a member whose runtime values change, the
    same generation comes again with other arguments.  It is also the only message by which the
    coordinator of another ledger takes a participant over.
    """

    ledger: LedgerId
    epoch: int
    session: str
    """That of the Join it answers; one that answers an earlier Join is void."""
    generation: int
    digest: Digest
    configuration: bytes
    arguments: Arguments = ()


class Refuse(NamedTuple):
    """You cannot join, or you declined what is in force; `why` is for people."""

    ledger: LedgerId
    epoch: int
    why: str


class Prepare(NamedTuple):
    """Would you run this?  Validate, apply nothing, vote.  `allowed` is in seconds."""

    ledger: LedgerId
    epoch: int
    txid: str
    base: int
    digest: Digest
    candidate: bytes
    allowed: float
    dry_run: bool
    arguments: Arguments | None = None
    """Arguments to go with it; None for those that the participant has."""


class Commit(NamedTuple):
    """It is decided and on disk: run it."""

    ledger: LedgerId
    epoch: int
    txid: str
    generation: int


class Abort(NamedTuple):
    """It is not going to happen: release what you built."""

    ledger: LedgerId
    epoch: int
    txid: str


class Shutdown(NamedTuple):
    """Stop serving; `why` is for people."""

    ledger: LedgerId
    epoch: int
    session: str
    """That of its last Join; by that, who comes from another ledger knows who may say this."""
    why: str


class Question(StrEnum):
    """What an Inquire asks for."""

    STATS = "stats"
    """Whatever the author tells."""
    RUSAGE_SELF = "rusage self"
    """What the process has used (getrusage(2))."""
    RUSAGE_CHILDREN = "rusage children"
    RUSAGE_THREAD = "rusage thread"
    CLEAR = "clear"
    """Not a question: set to zero whatever counts; the answer is an empty object."""


class Inquire(NamedTuple):
    """How are you?  Answered by Report, outside of all transactions, when the module is free."""

    ledger: LedgerId
    epoch: int
    ticket: int
    question: Question = Question.STATS


FromParticipant: TypeAlias = Join | Vote | Applied | Leave | Report
FromCoordinator: TypeAlias = Admit | Refuse | Prepare | Commit | Abort | Shutdown | Inquire
Message: TypeAlias = FromParticipant | FromCoordinator
