# SPDX-License-Identifier: LGPL-3.0-or-later
"""The effects of the present step, collected by whoever has one."""

from collections.abc import Iterable
from typing import Any

from coordinator.core.decisions import Decision, Receipt
from coordinator.core.effects import Effect, Send, Step, TellCommit, Wake, WriteLog
from coordinator.core.members import Member
from protocol.messages import Abort, Inquire, Prepare, Refuse, Shutdown


class Outbox:
    """Effects in the order in which they are to be carried out, and at most one decision."""

    def __init__(self, epoch: int) -> None:
        """`epoch` is on every line of the log."""
        self._epoch = epoch
        self._effects: list[Effect] = []
        self._force: Decision | None = None

    def emit(self, effect: Effect) -> None:
        """Add one effect."""
        self._effects.append(effect)

    def force(self, decision: Decision) -> None:
        """Have this decision forced to disk after the effects of this step."""
        assert self._force is None, "one decision at a time"
        self._force = decision

    def take_step(self) -> Step:
        """What was collected since the last call."""
        step = Step(tuple(self._effects), self._force)
        self._effects.clear()
        self._force = None
        return step

    def log(self, event: str, **fields: Any) -> None:
        """A line for the log."""
        self.emit(WriteLog(event, (*fields.items(), ("epoch", self._epoch))))

    def wake(self, at_monotonic: float) -> None:
        """Have TimePassed come at this moment."""
        self.emit(Wake(at_monotonic))

    def send(
        self, members: Iterable[Member], message: Prepare | Abort | Refuse | Shutdown | Inquire
    ) -> None:
        """Send to those of `members` that have a connection."""
        peers = tuple(member.peer for member in members if member.peer is not None)
        if peers:
            self.emit(Send(peers, message))

    def tell_commit(self, members: Iterable[Member], receipt: Receipt) -> None:
        """Send Commit to those of `members` that have a connection."""
        peers = tuple(member.peer for member in members if member.peer is not None)
        if peers:
            self.emit(TellCommit(peers, receipt))
