# SPDX-License-Identifier: LGPL-3.0-or-later
"""A coordinator's machine, a disk, and participants that say what a test has them say.

Children are named by the test and started by the machine; attached participants join by themselves.
Each has one life, one connection, and a peer that is its name.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from coordinator.core.decisions import Decision, Durable, Receipt, Unconfirmed
from coordinator.core.effects import Answer, Effect, Send, StartProcess, Watch
from coordinator.core.events import (
    Asked,
    Begin,
    CandidateRead,
    Died,
    Event,
    Forced,
    NotForced,
    Received,
    Started,
    Unreachable,
)
from coordinator.core.machine import Coordinator
from coordinator.core.members import Member
from coordinator.core.requests import ChangeRequest, LoadRequest, Replacement, Request, Spec
from coordinator.core.results import Outcome
from protocol.configuration import EMPTY, Configuration
from protocol.messages import Applied, FromParticipant, Join, Leave, Vote
from protocol.reasons import Reason

Kind = TypeVar("Kind")
OLD, NEW, OTHER = (Configuration.of({"v": number}) for number in (1, 2, 3))


class Stage:
    """What happened so far is in `effects`; `clear` forgets it."""

    def __init__(
        self, begin: Begin | None = None, running: Durable | None = None,
        unconfirmed: Unconfirmed | None = None,
    ) -> None:  # fmt: skip
        """By default it has started with OLD as generation 1."""
        epoch = 1 if running is None else running.decision.epoch + 1
        receipts = {} if running is None else {running.receipt.txid: running.receipt}
        self.machine = Coordinator(epoch, running, receipts, unconfirmed, ledger="here")
        self.now = 0.0
        self.disk_works = True
        self.pending: Decision | None = None
        self.effects: list[Effect] = []
        self.tickets: dict[str, int] = {}
        self.pids: dict[str, int] = {}
        self.step(Begin(files=OLD) if begin is None else begin)

    @classmethod
    def with_attached(cls, *names: str) -> "Stage":
        """Attached ones of these names run OLD, which is generation 1."""
        found = cls()
        return found._after(found.attach, names)

    @classmethod
    def with_children(cls, *names: str) -> "Stage":
        """Children of these names do."""
        found = cls()
        return found._after(found.child, names)

    def _after(self, come: Callable[[str], None], names: Iterable[str]) -> "Stage":
        """This stage when they have come, with nothing in `effects`."""
        for name in names:
            come(name)
        self.clear()
        return self

    def step(self, event: Event) -> None:
        """This event, and what the disk answers unless it is told not to work."""
        step = self.machine.step(self.now, event)
        self.effects += step.effects
        for effect in step.effects:
            if isinstance(effect, StartProcess | Watch):
                self.tickets[effect.name] = effect.ticket
        if step.force is not None:
            self.pending = step.force
            if self.disk_works:
                self.force()

    def clear(self) -> None:
        """Forget the effects so far."""
        self.effects.clear()

    def found(self, kind: type[Kind]) -> list[Kind]:
        """The effects of this kind."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def sent(self, kind: type[Kind], name: str | None = None) -> list[Kind]:
        """The messages of this kind, to `name` if that is given."""
        sends = self.found(Send)
        wanted = [send for send in sends if name is None or name.encode() in send.peers]
        return [send.message for send in wanted if isinstance(send.message, kind)]

    # The disk

    def force(self) -> None:
        """The decision is on disk."""
        decision, self.pending = self.pending, None
        assert decision is not None
        receipt = Receipt(decision.txid, decision.generation)
        self.step(Forced(Durable(receipt, decision, self.now)))

    def refuse_to_force(self, why: str = "disk full") -> None:
        """It certainly is not."""
        decision, self.pending = self.pending, None
        assert decision is not None
        self.step(NotForced(decision.txid, why))

    # Participants

    def member(self, name: str) -> Member:
        """As the machine knows it."""
        member = self.machine.members.get(name)
        assert member is not None, f"{name} is no member"
        return member

    def started(self, name: str, pid: int | None = None) -> None:
        """Its process runs."""
        self.pids[name] = len(self.pids) + 100 if pid is None else pid
        self.step(Started(name, self.tickets[name], self.pids[name]))

    def join(self, name: str, **fields: Any) -> None:
        """It joins on its connection."""
        pid = self.pids.setdefault(name, len(self.pids) + 100)
        join = Join("", 0, f"{name}-1", name, 2, 0, "", None, pid, f"{name}-1.1", "{}")
        self.step(Received(fields.pop("peer", name.encode()), join._replace(**fields)))

    def says(self, name: str, message: FromParticipant) -> None:
        """A message on its connection."""
        self.step(Received(name.encode(), message))

    def vote(self, name: str, yes: bool = True, *reasons: Reason, **fields: Any) -> None:
        """Its answer to the Prepare that it owes."""
        owes = self.member(name).owes
        assert owes is not None, f"{name} owes no vote"
        vote = Vote(self.machine.epoch, f"{name}-1", owes, yes, reasons)
        self.says(name, vote._replace(**fields))

    def applied(self, name: str, *reasons: Reason, **fields: Any) -> None:
        """It has taken what is in force into use, or (`reasons`) could not."""
        running = self.machine.running
        assert running is not None
        digest = running.configuration.digest
        applied = Applied(self.machine.epoch, f"{name}-1", running.generation, digest,
                          not reasons, reasons)  # fmt: skip
        self.says(name, applied._replace(**fields))

    def leaves(self, name: str, *reasons: Reason) -> None:
        """It says goodbye."""
        self.says(name, Leave(self.machine.epoch, f"{name}-1", name, reasons))

    def died(self, name: str, how: str = "killed") -> None:
        """Its process has ended."""
        self.step(Died(name, self.tickets[name], how))

    def cut(self, name: str) -> None:
        """Its connection is gone."""
        self.step(Unreachable(name.encode()))

    def child(self, name: str) -> None:
        """Load a child, which comes to run what is in force."""
        self.ask(99, LoadRequest(name, Spec(name)))
        self.started(name)
        self.join(name)
        self.applied(name)

    def attach(self, name: str) -> None:
        """A participant attaches itself, and comes to run what is in force."""
        self.join(name)
        self.applied(name)

    # Clients

    def ask(self, client: int, request: Request) -> None:
        """A client asks."""
        self.step(Asked(client, request))

    def change(self, client: int, to: Configuration, **fields: Any) -> None:
        """A client asks for a change to this."""
        self.ask(client, ChangeRequest(Replacement(to), "load")._replace(**fields))

    def read(self, found: Configuration) -> None:
        """The candidate of the change in progress was read."""
        change = self.machine.transaction
        assert change is not None
        self.step(CandidateRead(change.txid, found))

    def told(self, client: int) -> Outcome:
        """What this client was answered; at most one answer."""
        (outcome,) = (answer.outcome for answer in self.found(Answer) if answer.client == client)
        return outcome

    def untold(self, client: int) -> bool:
        """Whether this client was answered nothing."""
        return not any(answer.client == client for answer in self.found(Answer))


def ran(configuration: Configuration = OLD, generation: int = 3, epoch: int = 1) -> Durable:
    """What ran in a former life; the files said the same."""
    decision = Decision(
        generation, f"{epoch}.9", epoch, configuration, configuration.digest, ("a",)
    )
    return Durable(Receipt(decision.txid, generation), decision)


__all__ = ["EMPTY", "NEW", "OLD", "OTHER", "Stage", "ran"]
