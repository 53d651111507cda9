# SPDX-License-Identifier: LGPL-3.0-or-later
"""The shape of the table of requests: `op -> kind, handler`.

The kind says who may ask.  What the handler returns says how the answer comes about: at once, from
a thread beside the loop, from a module, from the machine, or again and again.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from coordinator.api.access import ClientRole
from coordinator.api.feeds import Feed, Wanted
from coordinator.api.fields import Fields
from coordinator.core.decisions import Attempt
from coordinator.core.events import Inquired
from coordinator.core.merge_patch import MergePatch
from coordinator.core.requests import Request, Who
from coordinator.files.reading import Source
from protocol.configuration import Configuration
from protocol.keys import Path


class Kind(StrEnum):
    """Who may make a request."""

    READ = "read"
    """Everybody who is let in."""
    PRIVATE = "private"
    """The owner, though nothing is changed: it shows what others typed."""
    CHANGE = "change"
    """The owner."""


class Caller(NamedTuple):
    """Who asks: the number of the connection, and the kernel's word on the other end."""

    number: int
    uid: int
    pid: int
    role: ClientRole

    @property
    def is_owner(self) -> bool:
        """True if this caller may change anything, and see what others typed."""
        return self.role is ClientRole.OWNER

    def who(self, command: str) -> Who:
        """The caller as the ledger knows him, with the command that he typed."""
        return Who(self.uid, self.pid, command)


# What a handler returns


class Look(NamedTuple):
    """Work for a thread beside the loop; it returns the answer.

    It may raise BadRequest, NotKept, Unreadable, or what a bad disk raises.
    """

    job: Callable[[], Fields]


class WatchRequest(NamedTuple):
    """The value at `path` now, and at every generation from now on."""

    path: Path


class EventsRequest(NamedTuple):
    """What has happened since a generation, or after a cursor, and all that happens from now on."""

    since: int | None
    """None for nothing of the past."""
    after: tuple[int, int] | None
    """Epoch and number of the last event that the client has seen."""


class FollowRequest(NamedTuple):
    """What happens from now on, for as long as the client stays."""

    feed: Feed
    wanted: Wanted
    before: tuple[Fields, ...] = ()
    """What it is told at first."""


class Change(NamedTuple):
    """A request that the machine answers."""

    request: Request


class MergeFirst(NamedTuple):
    """A request that the machine answers, once the texts that come with it have been read."""

    sources: tuple[Source, ...]
    read: Callable[[tuple[Source, ...]], Configuration | MergePatch]
    """Runs beside the loop, unless the texts are short.  May raise Unreadable."""
    build: Callable[[Any], Request]
    """The request made of what `read` returns."""
    attempt: Attempt | None
    """What the history is told where the texts cannot even be read."""


Response: TypeAlias = (
    Fields | Look | WatchRequest | EventsRequest | FollowRequest | Inquired | Change | MergeFirst
)
Handler: TypeAlias = Callable[[Fields, Caller], Response]


class TableEntry(NamedTuple):
    """One row of the table."""

    kind: Kind
    handler: Handler


Table: TypeAlias = dict[str, TableEntry]
