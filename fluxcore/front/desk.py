# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the front does with requests: answer what can be read, keep what is asked of the agent.

Every change that is asked for has a name of its own, the txid that its transaction will have.  When
the agent dies, and is back, it is asked again by that name: the ledger knows what became of it.
Nothing is asked for twice, and everything has a deadline.
"""

import errno
from collections.abc import Callable
from typing import Any, Protocol

from fluxcore.front.channel import Channel
from protocol import limits

_OWNER_ONLY = "Request requires owner credentials"  # flux-core's own words
_UNKNOWN = "it is not known whether the change was made; `flux accord config history` will tell"
_STILL = "this rank's agent stands still"
_START = "`flux accord up` starts it, and its log tells why it ended"


class ServiceRequest(Protocol):
    """A request to the service; kept as long as it is to be answered."""

    topic: str
    sender: str
    """The connection that it came by."""
    userid: int
    from_owner: bool
    streaming: bool

    @property
    def text(self) -> str | None:
        """The payload, JSON."""

    def answer(self, text: str | None = None) -> None:
        """Answer with this JSON text."""

    def refuse(self, number: int, text: str) -> None:
        """Answer with an error, as in errno(3)."""

    def ends(self, kept: Any) -> bool:
        """Whether this is the disconnect of the client that sent `kept`."""


class _Change:
    """A change that somebody waits for."""

    def __init__(self, request: ServiceRequest, read: str | None, due: float) -> None:
        self.request = request
        self.read = read
        self.due = due
        self.given_at: float | None = None
        """When an agent got it that lives."""
        self.given = False
        """Whether an agent has had it."""
        self.asked_again = False
        """Whether an agent has died that had it."""


class Desk:
    """All requests of one rank's `config` service."""

    def __init__(self, life: str, now: Callable[[], float]) -> None:
        """`life` is a text that no other front ever has."""
        self.in_force: str | None = None
        """What the rank runs, as JSON text."""
        self.generation = 0
        self._life = life
        self._now = now
        self._agent: Channel | None = None
        self._ping_at = 0.0
        """When the agent is asked whether it is there, if something waits for it."""
        self._pinged_at: float | None = None
        """When it was asked, if it has said nothing since."""
        self._changes: dict[str, _Change] = {}
        self._early: list[tuple[float, ServiceRequest]] = []
        self._readers: list[ServiceRequest] = []
        self._read: dict[str, str] = {}
        """By connection: what was answered to it last, so that a `set` can be made to what runs."""
        self._count = 0

    # Requests

    def requested(self, request: ServiceRequest) -> None:
        """A request has come."""
        method = request.topic.partition(".")[2]
        if method == "get":
            self._get(request)
        elif method == "disconnect":
            self._disconnected(request)
        elif method not in ("load", "reload"):
            request.refuse(errno.ENOSYS, f"Unknown service method '{request.topic}'")
        elif not request.from_owner:
            request.refuse(errno.EPERM, _OWNER_ONLY)
        elif len(self._changes) >= limits.FRONT_CHANGES:
            request.refuse(errno.EBUSY, "too many changes wait already")
        else:
            self._change(request)

    def _get(self, request: ServiceRequest) -> None:
        if self.in_force is None:
            self._early.append((self._now() + limits.AGENT_AWAY_SECONDS, request))
            return
        if request.streaming and len(self._readers) >= limits.FRONT_READERS:
            request.refuse(errno.EBUSY, "too many keep on reading already")
            return
        request.answer(self.in_force)
        if request.streaming:
            self._readers.append(request)
        self._read.pop(request.sender, None)
        self._read[request.sender] = self.in_force
        if len(self._read) > limits.CONFIG_READERS:
            del self._read[next(iter(self._read))]

    def _disconnected(self, request: ServiceRequest) -> None:
        sender = request.sender
        self._read.pop(sender, None)
        self._readers = [reader for reader in self._readers if not request.ends(reader)]
        self._early = [early for early in self._early if early[1].sender != sender]
        for txid, change in list(self._changes.items()):
            if change.request.sender == sender:
                del self._changes[txid]
                if change.given and self._agent is not None:
                    self._agent.send({"op": "withdraw", "txid": txid})

    def _change(self, request: ServiceRequest) -> None:
        self._count += 1
        txid = f"{self._life}.{self._count}"
        change = _Change(
            request,
            self._read.get(request.sender),
            self._now()
            + (limits.FRONT_ANSWER_SECONDS if self._agent else limits.AGENT_AWAY_SECONDS),
        )
        self._changes[txid] = change
        if self._agent is not None:
            self._give(txid, change)

    def _give(self, txid: str, change: _Change) -> None:
        assert self._agent is not None
        request = change.request
        fields = {
            "op": "change",
            "txid": txid,
            "verb": request.topic.partition(".")[2],
            "uid": request.userid,
            "again": change.asked_again,
        }
        now = self._now()
        if not self._awaits():
            self._ping_at, self._pinged_at = now + limits.AGENT_PING_SECONDS, None
        change.given, change.given_at = True, now
        change.due = now + limits.FRONT_ANSWER_SECONDS
        texts = [request.text or ""] if fields["verb"] == "load" else []
        if texts and change.read is not None:
            texts.append(change.read)
        self._agent.send(fields, *texts)

    # The agent

    def agent_serves(self, agent: Channel) -> None:
        """An agent is there, and its rank takes part: ask it all that waits."""
        if agent is self._agent:
            return
        self._agent = agent
        for txid, change in self._changes.items():
            self._give(txid, change)

    def agent_gone(self) -> None:
        """The agent is dead: what it was asked, the next one is asked to find out."""
        self._agent = None
        for change in self._changes.values():
            change.asked_again |= change.given
            change.given_at = None
            change.due = self._now() + limits.AGENT_AWAY_SECONDS

    def agent_lives(self) -> None:
        """It has said something, whatever it was."""
        self._pinged_at = None

    def _awaits(self) -> bool:
        """Whether an agent that lives has something to answer."""
        return any(change.given_at is not None for change in self._changes.values())

    def publish(self, text: str, generation: int) -> None:
        """This is in force on this rank from now on."""
        changed = text != self.in_force
        self.in_force, self.generation = text, generation
        early, self._early = self._early, []
        for _, request in early:
            self._get(request)
        if changed:
            for reader in self._readers:
                reader.answer(text)

    def answered(self, txid: str, number: int = 0, text: str = "") -> None:
        """The agent has answered; with an error number, it was refused."""
        change = self._changes.pop(txid, None)
        if change is None:
            return
        if number:
            change.request.refuse(number, text)
        else:
            change.request.answer()

    # Time

    def due(self) -> float | None:
        """When `time_passed` has something to do."""
        moments = [self._due(change) for change in self._changes.values()]
        moments += [due for due, _ in self._early]
        if self._awaits():
            moments.append(self._ping_at)
        return min(moments, default=None)

    def _due(self, change: _Change) -> float:
        """When it is answered, whatever happens; earlier, where its agent says nothing at all."""
        if change.given_at is None or self._pinged_at is None:
            return change.due
        since = max(change.given_at, self._pinged_at)
        return min(change.due, since + limits.AGENT_STILL_SECONDS)

    def time_passed(self) -> None:
        """Nobody waits for ever."""
        now = self._now()
        for txid, change in list(self._changes.items()):
            if self._due(change) <= now:
                del self._changes[txid]
                change.request.refuse(errno.ETIMEDOUT, self._why(change, txid))
                if change.given_at is not None and self._agent is not None:
                    self._agent.send({"op": "withdraw", "txid": txid})  # nobody waits for it now
        self._ping(now)
        late = [request for due, request in self._early if due <= now]
        self._early = [early for early in self._early if early[0] > now]
        for request in late:
            request.refuse(errno.ETIMEDOUT, f"this rank's agent is not there; {_START}")

    def _ping(self, now: float) -> None:
        if self._agent is None or not self._awaits() or now < self._ping_at:
            return
        self._ping_at = now + limits.AGENT_PING_SECONDS
        if self._pinged_at is None:
            self._pinged_at = now
        self._agent.send({"op": "ping"})

    def _why(self, change: _Change, txid: str) -> str:
        if not change.given:
            return f"this rank's agent is not there; {_START}\n{self._unchanged()}"
        known_by = f"{_UNKNOWN}, by its txid {txid}"
        if self._agent is None:
            return f"this rank's agent has died; {known_by}; {_START}"
        if change.due > self._now():
            return f"{_STILL}; {known_by}"
        return f"this rank's agent does not answer; {known_by}"

    def _unchanged(self) -> str:
        return f"nothing changed; generation {self.generation} stays in force"

    def end(self) -> None:
        """The name is given back: whoever waits is told."""
        for change in self._changes.values():
            what = _UNKNOWN if change.given else self._unchanged()
            change.request.refuse(errno.EAGAIN, f"the agents of this instance end; {what}")
        self._changes.clear()
        for _, request in self._early:
            request.refuse(errno.EAGAIN, "the agents of this instance end")
        self._early.clear()
