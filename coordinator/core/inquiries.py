# SPDX-License-Identifier: LGPL-3.0-or-later
"""Inquire and Report, outside of all transactions: how is this module?

A module answers when it is free, and only the clients that asked wait for it.  At most one Inquire
of each question is on its way to a module, so that one that hangs does not find its queue full.
"""

from dataclasses import dataclass, field

from coordinator.core.effects import AnswerInquiry
from coordinator.core.members import Member
from coordinator.core.state import SharedState
from protocol.messages import Inquire, Question, Report
from protocol.nearest import did_you_mean
from protocol.reason_code import ReasonCode


@dataclass(slots=True)
class _Asked:
    """An Inquire on its way on one connection, and the clients that wait for its Report."""

    ticket: int
    peer: bytes
    waiting: dict[int, float] = field(default_factory=dict)
    """Until when each client waits, on the machine's clock."""


class Inquiries:
    """Every Inquire that has not been answered."""

    def __init__(self, shared: SharedState) -> None:
        self.shared = shared
        self.outbox = shared.outbox
        self._tickets = 0
        self._asked: dict[tuple[str, Question], _Asked] = {}

    def inquire(self, client: int, name: str, seconds: float, question: Question) -> None:
        """Ask the module `name` on behalf of `client`."""
        member = self.shared.members.get(name)
        if member is None:
            near = did_you_mean(name, (member.name for member in self.shared.members))
            self.outbox.emit(AnswerInquiry(client, why_not=f"{name}: no such module{near}"))
        elif member.peer is None:
            why = f" ({member.why})" if member.why else ""
            why_not = f"{name} cannot be asked: it is {member.state}{why}"
            self.outbox.emit(AnswerInquiry(client, "", why_not, ReasonCode.FAILED_MEMBER))
        else:
            until = self.shared.now + seconds
            self._question(member, member.peer, question).waiting[client] = until
            self.outbox.wake(until)

    def _question(self, member: Member, peer: bytes, question: Question) -> _Asked:
        asked = self._asked.get((member.name, question))
        if asked is None or asked.peer != peer:
            self._tickets += 1
            asked = self._asked[member.name, question] = _Asked(self._tickets, peer)
            self.outbox.send([member], Inquire(*self.shared.authority, asked.ticket, question))
        return asked

    def answered(self, member: Member, report: Report) -> None:
        """A Report has come: answer all that wait for it."""
        for question in Question:
            asked = self._asked.get((member.name, question))
            if asked is not None and asked.ticket == report.ticket:
                del self._asked[member.name, question]
                for client in asked.waiting:
                    self.outbox.emit(AnswerInquiry(client, report.text))

    def sweep(self) -> None:
        """Answer the clients whose Inquire went to a connection that is gone."""
        for (name, question), asked in list(self._asked.items()):
            if self.shared.members.at(asked.peer) is None:
                del self._asked[name, question]
                for client in asked.waiting:
                    why = f"{name} was lost before it answered"
                    self.outbox.emit(AnswerInquiry(client, "", why, ReasonCode.DIED))

    def time_passed(self) -> None:
        """Answer the clients whose time is over; the Inquire itself stays open."""
        for (name, _), asked in self._asked.items():
            for client, until in list(asked.waiting.items()):
                if self.shared.now >= until:
                    del asked.waiting[client]
                    why = f"{name} did not answer in time; it is busy or hangs"
                    self.outbox.emit(AnswerInquiry(client, "", why, ReasonCode.TIMEOUT))

    def hung_up(self, client: int) -> None:
        """A client has closed its connection."""
        for asked in self._asked.values():
            asked.waiting.pop(client, None)
