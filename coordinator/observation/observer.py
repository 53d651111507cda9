# SPDX-License-Identifier: LGPL-3.0-or-later
"""Sees what a broker does and tells it on: a line in the log, an event, a number.

The executor says what it has carried out; the machine's own log lines tell of members.  Nothing of
this has a say in anything, and none of it waits.
"""

import pwd
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from coordinator.core.decisions import Attempt, Durable
from coordinator.core.effects import Send, TellCommit
from coordinator.core.machine import Coordinator
from coordinator.core.operations.confirm import UNDO
from coordinator.core.requests import Who
from coordinator.observation.events import EventKind, EventLog
from coordinator.observation.floods import Floods
from coordinator.observation.metrics import Metrics
from coordinator.observation.timelines import Timelines
from coordinator.runtime.log import Logger
from protocol import limits
from protocol.messages import Applied, FromParticipant, Prepare, Vote
from protocol.reasons import CUT_MARK, Reason

_GONE = {
    "died": "how",
    "cut": "",
    "broke": "why",
    "declined": "why",
    "impatient": "why",
}
"""The machine's words for a member that does not run what is in force, and where they say why."""
_SENT_ON_AND_ON = "malformed"
"""The warning that a member can have written as often as it likes."""
_REASONS_IN_A_LINE, _REASON_IN_A_LINE = 10, 500
"""How many of a refusal's reasons stand in a line of the log, and how many characters of each."""


class Observer:
    """The one who watches a broker from within.  A Logger that takes note of what it passes on."""

    def __init__(
        self,
        log: Logger,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` never goes back, and is the one that the machine is driven by."""
        self.events = EventLog()
        self.timelines = Timelines(wall_clock, clock)
        self.metrics = Metrics()
        self.mask: Callable[[str], str] = str
        """A command line without secrets."""
        self._floods = Floods(clock)
        self._log = log
        self._wall_clock = wall_clock
        self._generation = 0
        self._present: set[str] = set()
        self._lost: set[str] = set()
        self._leaving: set[str] = set()
        self._reloading: set[str] = set()
        self._stopping = False
        self._asked: dict[bytes, float] = {}
        self._told: dict[bytes, float] = {}

    # Changes

    def resumed(self, running: Durable | None) -> None:
        """This is in force already when the life begins."""
        self._generation = running.generation if running else 0
        self.timelines.running = self._generation

    def committed(self, durable: Durable) -> None:
        """The decision is on disk, and the members have been told."""
        decision = durable.decision
        self._generation = self.timelines.running = durable.generation
        self.metrics.commits[decision.verb] += 1
        details = {
            "base": durable.generation - 1,
            "txid": decision.txid,
            "digest": durable.configuration.digest,
            "verb": decision.verb,
            "who": self._who(decision.who),
            "message": decision.message,
            "asked": len(decision.members),
            **({"confirm": decision.confirm} if decision.confirm is not None else {}),
        }
        kind = EventKind.UNDONE if decision.verb == UNDO else EventKind.COMMITTED
        self.events.add(durable.committed_at_wall, kind, durable.generation, details)
        more = {"confirm_within": decision.confirm} if decision.confirm is not None else {}
        self._log.notice(
            str(kind),
            generation=durable.generation,
            verb=decision.verb,
            **self._shown(decision.who, decision.message),
            members=len(decision.members),
            txid=decision.txid,
            **more,
        )

    def refused(self, attempt: Attempt) -> None:
        """A change was refused, for these reasons."""
        for code in {str(reason.code) for reason in attempt.reasons}:
            self.metrics.refusals[code] += 1
        details = {
            "base": attempt.base,
            "txid": attempt.txid,
            "digest": attempt.digest,
            "verb": attempt.verb,
            "who": self._who(attempt.who),
            "message": attempt.message,
            **_bounded(attempt.reasons),
        }
        self._add(EventKind.REFUSED, details)
        self._log.notice(
            "refused",
            generation=attempt.base,
            verb=attempt.verb,
            **self._shown(attempt.who, attempt.message),
            reasons=_few(attempt.reasons),
            txid=attempt.txid,
        )

    def not_applied(self, generation: int, names: Iterable[str]) -> None:
        """These members had not applied the generation when its change ended."""
        missing = sorted(names)
        self.timelines.not_applied(missing)
        for name in missing:
            self.metrics.not_applied[self.metrics.module(name)] += 1
        self._add(EventKind.NOT_APPLIED, {"not_applied": missing})
        self._log.warn("not applied", generation=generation, modules=missing)

    # Durations

    def sent(self, machine: Coordinator, effect: Send, now: float) -> None:
        """A message goes to members."""
        change, message = machine.transaction, effect.message
        if change is not None:
            request = change.request
            who = request.who._replace(command=self.mask(request.who.command))
            self.timelines.voters(change.txid, change.voters, who, request.message)
        if isinstance(message, Prepare):
            _note(self._asked, effect.peers, now)
            members = (machine.members.at(peer) for peer in effect.peers)
            names = [member.name for member in members if member is not None]
            self.timelines.asked(message.txid, names, message.allowed)

    def forced(self, txid: str, generation: int) -> None:
        """The decision is on disk; `committed` follows when the members have been told."""
        self.timelines.forced(txid, generation)

    def told(self, effect: TellCommit, now: float) -> None:
        """Commit goes to members."""
        _note(self._told, effect.peers, now)
        self.timelines.told(effect.receipt.txid)

    def heard(
        self, machine: Coordinator, peer: bytes, message: FromParticipant, now: float
    ) -> None:
        """A member has said something."""
        if isinstance(message, Vote):
            began, durations = self._asked, self.metrics.prepare
        elif isinstance(message, Applied):
            began, durations = self._told, self.metrics.commit
        else:
            return
        since, member = began.pop(peer, None), machine.members.at(peer)
        if member is None or message.incarnation != member.incarnation:
            return
        if isinstance(message, Vote):
            self.timelines.voted(message.txid, member.name, message.yes)
        else:
            self.timelines.applied(message.generation, member.name, message.ok)
        if since is not None:
            self.metrics.took(durations, member.name, now - since)

    # Members, by the machine's log

    def line(self, event: str, fields: Mapping[str, Any]) -> None:
        """A line of the machine's, or of the executor's."""
        self._log.line(event, fields)
        self.timelines.line(event, fields)
        if event == "stop":
            self._stopping = True
        name = fields.get("module")
        if not isinstance(name, str) or self._stopping:
            return
        if event == "member":
            self._is_member(name)
        elif event == "remove":
            self._leaving.add(name)
        elif event == "module-reload":
            self._reloading.add(name)
        elif event == "restart":
            self.metrics.restarts[self.metrics.module(name)] += 1
        elif event == "failed":
            why = str(fields.get("why", ""))
            self._add(EventKind.FAILED, {"module": name, "why": why})
            self._log.warn("module failed", module=name, why=why)
        elif event in _GONE:
            self._is_gone(name, str(fields.get(_GONE[event], "")) or _WORDS[event])

    def _is_member(self, name: str) -> None:
        if name in self._present:
            return
        self._present.add(name)
        self._leaving.discard(name)
        self._reloading.discard(name)
        back = name in self._lost
        self._lost.discard(name)
        self._add(EventKind.BACK if back else EventKind.JOINED, {"module": name})
        if back:
            self._log.notice("module back", module=name, generation=self._generation)

    def _is_gone(self, name: str, why: str) -> None:
        was_here = name in self._present
        self._present.discard(name)
        if name in self._leaving:
            self._leaving.discard(name)
            self._lost.discard(name)
            self._add(EventKind.LEFT, {"module": name})
        elif was_here and name not in self._reloading:
            self._lost.add(name)
            self._add(EventKind.LOST, {"module": name, "why": why})
            self._log.warn("module lost", module=name, why=why)

    # Lines that others write, passed on

    def notice(self, event: str, **fields: Any) -> None:
        """A line that belongs into every journal."""
        self._log.notice(event, **fields)

    def warn(self, event: str, **fields: Any) -> None:
        """A line that somebody should read; what a module sends on and on makes one a second."""
        if event == _SENT_ON_AND_ON:
            kept_back = self._floods.kept_back(str(fields.get("module")))
            if kept_back is None:
                return
            fields |= {"more": kept_back} if kept_back else {}
        self._log.warn(event, **fields)

    # Small things

    def _add(self, kind: EventKind, details: Mapping[str, Any]) -> None:
        self.events.add(self._wall_clock(), kind, self._generation, details)

    def _who(self, who: Who) -> dict[str, Any]:
        return {"uid": who.uid, "pid": who.pid, "command": self.mask(who.command)}

    def _shown(self, who: Who, message: str) -> dict[str, Any]:
        shown = {"user": _user(who.uid), "pid": who.pid, "command": self.mask(who.command)}
        return {**shown, "message": message} if message else shown


_WORDS = {
    "died": "its process ended",
    "cut": "lost its connection",
    "broke": "failed in commit",
    "declined": "declined what is in force",
    "impatient": "no answer in time",
}


def _note(since: dict[bytes, float], peers: Iterable[bytes], now: float) -> None:
    """Connections that are gone without an answer stay, until there are too many."""
    if len(since) > 2 * limits.MEMBERS:
        since.clear()
    since.update(dict.fromkeys(peers, now))


@lru_cache(maxsize=64)
def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _bounded(reasons: tuple[Reason, ...]) -> dict[str, Any]:
    """The reasons as JSON, within a limit: a thousand events are kept.  The history has all."""
    room = limits.EVENT_REASONS_BYTES
    kept: list[dict[str, Any]] = []
    for reason in reasons:
        room -= len(str(reason)) + limits.NAME_LENGTH
        if room < 0 and kept:
            break
        kept.append(reason.as_json())
    more = len(reasons) - len(kept)
    return {"reasons": kept, **({"more_reasons": more} if more else {})}


def _short(text: str) -> str:
    return text if len(text) <= _REASON_IN_A_LINE else text[:_REASON_IN_A_LINE] + CUT_MARK


def _few(reasons: tuple[Reason, ...]) -> list[str]:
    lines = [_short(str(reason)) for reason in reasons[:_REASONS_IN_A_LINE]]
    more = len(reasons) - len(lines)
    return [*lines, f"and {more} more"] if more else lines
