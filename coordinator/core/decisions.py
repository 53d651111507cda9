# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is recorded: decisions, what a ledger says of them, and attempts that were refused."""

from typing import NamedTuple

from coordinator.core.requests import Who
from protocol.configuration import Configuration
from protocol.reasons import Reason


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
    provisional: bool = False
    """It is undone where a member cannot apply it; written with it."""


class Receipt(NamedTuple):
    """A ledger's word that the COMMIT of this txid is on disk; only a ledger makes these."""

    txid: str
    generation: int


class Durable(NamedTuple):
    """A COMMIT that is on disk, whole; only a ledger makes these."""

    receipt: Receipt
    decision: Decision
    committed_at_wall: float = 0.0
    """Seconds since the Epoch, by the wall clock of the ledger's machine."""

    @property
    def generation(self) -> int:
        return self.decision.generation

    @property
    def configuration(self) -> Configuration:
        return self.decision.configuration


class Unconfirmed(NamedTuple):
    """A generation that is undone by itself unless it is confirmed."""

    generation: int
    before: Configuration
    """What ran before it, and will run again."""
    due_monotonic: float
    """When it is undone, in seconds of the machine's clock."""


class Provisional(NamedTuple):
    """The generation in force as long as it is undone where a member cannot apply it."""

    generation: int
    before: Configuration
    """What ran before it, and will run again then."""


class Attempt(NamedTuple):
    """A change that was refused; kept for the history, never among the generations."""

    txid: str
    base: int
    digest: str
    verb: str
    who: Who
    message: str
    reasons: tuple[Reason, ...] = ()
