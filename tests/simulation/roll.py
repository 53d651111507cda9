# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who is a member, by what one life of a coordinator has heard and said.

Whoever has joined and said that it applied what the coordinator knows to be on disk is a member,
until it is lost, leaves, joins anew, breaks, is sent away, or a generation is decided without it.
"""

from dataclasses import dataclass

from coordinator.core.effects import Effect, Kill, Send, StartProcess, Watch
from coordinator.core.events import Died, Event, Forced, Received, Unreachable
from protocol.messages import Applied, Join, Leave, Refuse, Shutdown


@dataclass(slots=True)
class _Joined:
    """The last Join of a name that was not refused."""

    peer: bytes
    incarnation: str
    member: bool = False
    generation: int = 0
    """What it has said last that it runs."""


class Roll:
    """The members of one life."""

    def __init__(self, generation: int) -> None:
        """`generation` is what the ledger holds when this life begins."""
        self.generation = generation
        self.digest: str | None = None
        """Of what is in force; None: as it was when this life began."""
        self.killed: set[str] = set()
        """Whose processes have been ordered to end: whether they still count is not to be seen."""
        self._joined: dict[str, _Joined] = {}
        self._tickets: dict[str, int] = {}

    def members(self) -> dict[str, bytes]:
        """Connections of the members, by name."""
        return {name: joined.peer for name, joined in self._joined.items() if joined.member}

    def is_well(self, name: str, peer: bytes) -> bool:
        """Whether it has been a member on this connection, and runs what is in force."""
        joined = self._joined.get(name)
        return (
            joined is not None
            and joined.member
            and joined.peer == peer
            and joined.generation == self.generation
        )

    def step(self, event: Event, effects: tuple[Effect, ...]) -> None:
        """An event, and what the machine wants done about it."""
        sent_away = {
            peer: isinstance(effect.message, Refuse)
            for effect in effects
            if isinstance(effect, Send) and isinstance(effect.message, Refuse | Shutdown)
            for peer in effect.peers
        }
        match event:
            case Received(peer, Join() as join) if not sent_away.get(peer, False):
                self._joined[join.name] = _Joined(peer, join.incarnation)
            case Received(peer, Applied() as applied):
                self._applied(peer, applied)
            case Received(peer, Leave()) | Unreachable(peer):
                self._strike(peer)
            case Died(name, ticket) if self._tickets.get(name) == ticket:
                self._joined.pop(name, None)
                self.killed.discard(name)
            case Forced(durable):
                self.generation = durable.generation
                self.digest = durable.configuration.digest
                for name, joined in self._joined.items():
                    joined.member = joined.member and name in durable.decision.members
        for peer in sent_away:
            self._strike(peer)
        for effect in effects:
            match effect:
                case StartProcess(name, _, ticket) | Watch(name, _, ticket):
                    self._tickets[name] = ticket
                    if isinstance(effect, StartProcess):
                        self._joined.pop(name, None)
                        self.killed.discard(name)
                case Kill(name):
                    self.killed.add(name)

    def _applied(self, peer: bytes, applied: Applied) -> None:
        for joined in self._joined.values():
            if joined.peer == peer and joined.incarnation == applied.incarnation:
                wrong = self.digest not in (None, applied.digest)
                if applied.generation == self.generation:
                    joined.member = applied.ok and not wrong
                    joined.generation = applied.generation
                elif not applied.ok:
                    joined.member = False

    def _strike(self, peer: bytes) -> None:
        for name, joined in list(self._joined.items()):
            if joined.peer == peer:
                del self._joined[name]
