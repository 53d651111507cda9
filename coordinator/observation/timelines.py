# SPDX-License-Identifier: LGPL-3.0-or-later
"""The moments of each change: when it was asked for, who answered when, the disk, the commits.

Told by the observer, which sees what is sent and heard, and the machine's own log lines.  A moment
is seconds from the arrival of the request.  The latest changes are kept here; those that made a
generation, or were refused, are also handed on to be written beside the history.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from coordinator.core.requests import Who
from protocol import limits
from protocol.transitions import TransactionInput

_LASTING: Final = ("committed", "partial", "refused")
"""Results of which the history has an entry, too."""


@dataclass(slots=True)
class MemberMoments:
    """What one member did in one change."""

    name: str
    asked: float | None = None
    voted: float | None = None
    vote: str = ""
    """`yes`, `no`, `lost`, `late` or `excused`; empty while it is awaited."""
    why: str = ""
    applied: float | None = None
    lost: float | None = None
    """When it died after the decision, before it had applied it."""
    ok: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape of docs/json.md; what there is not, is absent."""
        shown: dict[str, Any] = {"name": self.name}
        for name in ("asked", "voted", "applied", "lost"):
            moment = getattr(self, name)
            if moment is not None:
                shown[name] = round(moment, 6)
        if self.vote:
            shown["vote"] = self.vote
        if self.ok is not None:
            shown["ok"] = self.ok
        if self.why:
            shown["why"] = self.why
        return shown

    @property
    def all_well(self) -> bool:
        """True unless this member is why a change was refused, or is not applied."""
        return self.vote == "yes" and self.ok is not False

    @property
    def slowness(self) -> float:
        """Seconds that it was awaited for its vote."""
        return (self.voted or 0.0) - (self.asked or 0.0)


@dataclass(slots=True)
class ChangeMoments:
    """One change, from its request to its answer."""

    txid: str
    verb: str
    dry_run: bool
    at_wall: float
    """When the request arrived, in seconds since the Epoch."""
    began_at: float
    """The same by the clock that never goes back."""
    steps: dict[str, float] = field(default_factory=dict)
    """By name, as in docs/json.md: begun, asked, force, forced, commit, ended."""
    members: dict[str, MemberMoments] = field(default_factory=dict)
    came: list[tuple[str, float]] = field(default_factory=list)
    """Members that came up while the question was put off for them."""
    base: int = 0
    generation: int | None = None
    allowed: float | None = None
    """When the time for the votes is over."""
    result: str = "undecided"
    cause: str = ""
    """What ended it without a commit."""
    missing: frozenset[str] = frozenset()
    """Who had not applied it when it was over."""
    who: Who | None = None
    message: str = ""
    more_members: int = 0

    def as_json(self, now: float = 0.0) -> dict[str, Any]:
        """An entry as the history has it, as far as it is known here, with `moments`.

        `now`, in seconds, is for one that has not ended; one that has never changes any more.
        """
        ended = self.steps.get("ended")
        moments: dict[str, Any] = {
            "at": self.at_wall,
            "dry_run": self.dry_run,
            "seconds": round(now - self.began_at if ended is None else ended, 6),
            **{name: round(moment, 6) for name, moment in self.steps.items()},
            "members": [member.as_json() for member in self.members.values()],
        }
        if self.more_members:
            moments["more_members"] = self.more_members
        if self.allowed is not None:
            moments["allowed"] = round(self.allowed, 6)
        if self.cause:
            moments["cause"] = self.cause
        if self.came:
            moments["came"] = [{"name": name, "at": round(at, 6)} for name, at in self.came]
        shown: dict[str, Any] = {
            "at": self.at_wall,
            "result": self.result,
            "base": self.base,
            "txid": self.txid,
            "verb": self.verb,
            "moments": moments,
        }
        if self.generation is not None:
            shown["generation"] = self.generation
        if self.who is not None:
            shown["who"] = {"uid": self.who.uid, "pid": self.who.pid, "command": self.who.command}
            shown["message"] = self.message
        return shown

    def forget_most(self) -> None:
        """Of too many members, keep those that tell most: not well, or slow."""
        self.more_members = max(0, len(self.members) - limits.TIMELINE_MEMBERS)
        if not self.more_members:
            return
        members = self.members.values()
        telling = sorted(members, key=lambda member: (member.all_well, -member.slowness))
        kept = {member.name for member in telling[: limits.TIMELINE_MEMBERS]}
        self.members = {name: self.members[name] for name in self.members if name in kept}


class Timelines:
    """The moments of the change in progress, and of the latest ones."""

    def __init__(
        self,
        wall_clock: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` never goes back; both are in seconds."""
        self.keep: Callable[[ChangeMoments], None] = _nowhere
        """Called with what is to be written beside the history."""
        self.running = 0
        """The generation in force."""
        self._wall_clock = wall_clock
        self._clock = clock
        self._current: ChangeMoments | None = None
        self._ended: deque[ChangeMoments] = deque(maxlen=limits.TIMELINES)

    def recent(self) -> dict[str, dict[str, Any]]:
        """By txid, the oldest first; the change in progress last, as far as it has come."""
        current = () if self._current is None else (self._current,)
        now = self._clock()
        return {change.txid: change.as_json(now) for change in (*self._ended, *current)}

    # What the observer tells

    def line(self, event: str, fields: Mapping[str, Any]) -> None:
        """A line of the machine's log, about a change or about a member."""
        if event == "begin":
            self._begin(fields)
            return
        change = self._current
        if change is None:
            return
        if fields.get("txid") == change.txid:
            self._of_change(change, event, fields)
        elif isinstance(fields.get("module"), str):
            self._of_member(change, event, fields["module"], str(fields.get("how", "")))

    def voters(self, txid: str, names: Iterable[str], who: Who, message: str) -> None:
        """Who has a vote, and who has asked for the change."""
        change = self._current
        if change is None or change.txid != txid:
            return
        change.who, change.message = who, message
        for name in names:
            change.members.setdefault(name, MemberMoments(name))

    def asked(self, txid: str, names: Iterable[str], seconds: float) -> None:
        """Prepare was sent to these; they have so many seconds."""
        change = self._current
        if change is None or change.txid != txid:
            return
        now = self._now(change)
        change.steps.setdefault("asked", now)
        change.allowed = now + seconds
        for name in names:
            change.members.setdefault(name, MemberMoments(name)).asked = now

    def forced(self, txid: str, generation: int) -> None:
        """The decision is on disk."""
        change = self._current
        if change is not None and change.txid == txid:
            change.steps.setdefault("forced", self._now(change))
            change.generation = generation

    def told(self, txid: str) -> None:
        """Commit is sent."""
        if self._current is not None and self._current.txid == txid:
            self._current.steps.setdefault("commit", self._now(self._current))

    def voted(self, txid: str, name: str, yes: bool) -> None:
        """A member has answered."""
        change = self._current
        if change is None or change.txid != txid or "force" in change.steps:
            return  # once it is decided, nobody has a vote: whoever speaks of one tells tales
        member = change.members.get(name)
        if member is not None and not member.vote:
            member.voted, member.vote = self._now(change), "yes" if yes else "no"

    def applied(self, generation: int, name: str, ok: bool) -> None:
        """A member has applied the generation, or has failed to."""
        change = self._current
        if change is None or "commit" not in change.steps or change.generation != generation:
            return
        member = change.members.setdefault(name, MemberMoments(name))
        member.applied, member.ok = self._now(change), ok
        member.why = "" if ok else "failed in commit" if member.vote else "declined it"

    def not_applied(self, names: Iterable[str]) -> None:
        """The change in progress is over, and these have not applied it."""
        change = self._current
        if change is None:
            return
        change.missing = frozenset(names)
        for name in sorted(change.missing):  # on a way back also those that had no vote
            change.members.setdefault(name, MemberMoments(name))

    # Inside

    def _now(self, change: ChangeMoments) -> float:
        return self._clock() - change.began_at

    def _begin(self, fields: Mapping[str, Any]) -> None:
        waited = float(fields.get("elapsed", 0.0))
        self._current = ChangeMoments(
            txid=str(fields.get("txid", "")),
            verb=str(fields.get("verb", "")),
            dry_run=bool(fields.get("dry_run", False)),
            at_wall=self._wall_clock() - waited,
            began_at=self._clock() - waited,
            base=self.running,
        )
        self._current.steps["begun"] = waited

    def _of_change(self, change: ChangeMoments, event: str, fields: Mapping[str, Any]) -> None:
        now = self._now(change)
        if event == "prepare":
            change.steps.setdefault("asked", now)
        elif event in ("force", "forced", "commit"):
            change.steps.setdefault(event, now)
            change.generation = fields.get("generation")
        elif event == "excused":
            self._lose(change, str(fields.get("module", "")), "excused", str(fields.get("why", "")))
        elif event == "abort":
            change.generation = None
            change.cause = str(fields.get("cause", ""))
            if change.cause == TransactionInput.LATE:
                for member in change.members.values():
                    if not member.vote:
                        member.vote, member.voted = "late", now
        elif event == "end":
            self._end(change, fields, now)

    def _end(self, change: ChangeMoments, fields: Mapping[str, Any], now: float) -> None:
        change.steps["ended"] = now
        change.result = str(fields.get("result", ""))
        generation = int(fields.get("generation", 0))
        change.base = generation if change.generation is None else change.generation - 1
        if "commit" in change.steps:
            for member in change.members.values():
                self._settle(member, member.name in change.missing)
        change.forget_most()
        self._current = None
        self._ended.append(change)
        if change.result in _LASTING and not change.dry_run:
            self.keep(change)

    @staticmethod
    def _settle(member: MemberMoments, missing: bool) -> None:
        """What counts is what the machine says: a member may have had several lives meanwhile.

        It says nothing of those who had no vote, but were admitted to it meanwhile.
        """
        if missing:
            heard = member.ok is None
            member.ok, member.why = False, "did not apply it in time" if heard else member.why
        elif member.applied is not None and (member.vote or member.ok):
            member.ok, member.lost, member.why = True, None, ""

    def _of_member(self, change: ChangeMoments, event: str, name: str, how: str) -> None:
        if event == "member" and "asked" not in change.steps:
            if len(change.came) < limits.TIMELINE_MEMBERS:
                change.came.append((name, self._now(change)))
        elif event == "died":
            self._lose(change, name, "lost", f"its process ended: {how}", dead=True)
        elif event == "cut":
            self._lose(change, name, "lost", "lost its connection", dead=False)

    def _lose(
        self, change: ChangeMoments, name: str, vote: str, why: str, dead: bool = False
    ) -> None:
        """A member is gone: before the decision it has no vote then, after it it applies nothing.

        One that has said yes and is only cut off stays bound; it keeps its yes, and may apply it.
        One that was excused is awaited no more until all are told, and then brought to it.
        """
        member = change.members.get(name)
        if member is None:
            return
        if "force" not in change.steps:
            if not member.vote or vote == "excused" or (dead and member.vote == "yes"):
                member.vote, member.voted, member.why = vote, self._now(change), why
        elif dead and member.ok is None and (member.vote != "excused" or "commit" in change.steps):
            member.ok, member.lost, member.why = False, self._now(change), why


def _nowhere(_: ChangeMoments) -> None:
    """Where nothing is written."""
