# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a coordinator's machine is told, as data."""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from coordinator.core.decisions import Durable
from coordinator.core.requests import Request, Spec, Who
from protocol.configuration import Configuration
from protocol.messages import FromParticipant, Question
from protocol.reasons import Reason, Refusal


class Begin(NamedTuple):
    """Start: bring up `modules`; `files` is what is on disk, None to resume whatever ran last."""

    modules: tuple[tuple[str, Spec], ...] = ()
    files: Configuration | None = None
    expected: tuple[str, ...] = ()
    """Attached participants that were members in the last life."""
    fallback: bool = False
    """Where the files are refused, go on with the last committed generation."""
    seconds: float = 30.0
    unreadable: tuple[Reason, ...] = ()
    """Why there are no `files`, where they could not be read and `fallback` goes on without."""
    who: Who = Who()


class Received(NamedTuple):
    """A message from a participant, on the connection `peer`."""

    peer: bytes
    message: FromParticipant


class Unreachable(NamedTuple):
    """A message to `peer` could not be delivered; the connection is gone."""

    peer: bytes


class Started(NamedTuple):
    """The answer to StartProcess: the process runs."""

    name: str
    ticket: int
    pid: int


class Died(NamedTuple):
    """The process of this start, or under this watch, has ended, or could not be started.

    `how` is for people.
    """

    name: str
    ticket: int
    how: str


class Asked(NamedTuple):
    """A request of a client."""

    client: int
    request: Request


class Inquired(NamedTuple):
    """A client asks a module how it is, and waits for so many seconds."""

    client: int
    name: str
    seconds: float
    question: Question = Question.STATS


class HungUp(NamedTuple):
    """A client closed its connection before it was answered."""

    client: int


class UnreadFound(NamedTuple):
    """The answer to FindUnread: a warning for each key."""

    txid: str
    found: tuple[Reason, ...]


class CandidateRead(NamedTuple):
    """The answer to ReadFiles and to ReadGeneration: a configuration, or why there is none."""

    txid: str
    found: Configuration | Refusal


class Forced(NamedTuple):
    """The decision is on disk."""

    durable: Durable


class NotForced(NamedTuple):
    """The decision is certainly not on disk (disk full, read-only); `why` is for people."""

    txid: str
    why: str


class ConfirmationWritten(NamedTuple):
    """The answer to WriteConfirmation: on disk, or certainly not (`why`, for people)."""

    generation: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class TimePassed:
    """The answer to Wake: that moment has come.  Early, late or superfluous ones do no harm."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The broker is to end; answered by Halt when everything is finished."""


Event: TypeAlias = (
    Begin
    | Received
    | Unreachable
    | Started
    | Died
    | Asked
    | Inquired
    | HungUp
    | CandidateRead
    | UnreadFound
    | Forced
    | NotForced
    | ConfirmationWritten
    | TimePassed
    | Stop
)
