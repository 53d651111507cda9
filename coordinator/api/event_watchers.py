# SPDX-License-Identifier: LGPL-3.0-or-later
"""Clients that are told what happens, one event a line, and what happened since they last listened.

What this life of the broker has seen is at hand (`EventLog`); of former lives the ledger has the
commits and the refusals.  Where something in between is known to nobody, a line says that it is
missing (`gap`).  One that does not read is not waited for: it is told the rest when it reads again,
and what was not kept for it is such a gap.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from coordinator.api import guests
from coordinator.api.access import ClientRole
from coordinator.api.connection import Connection
from coordinator.api.fields import Fields
from coordinator.api.handle import BrokerHandle
from coordinator.api.secret_places import SecretPlaces
from coordinator.api.server import ApiServer
from coordinator.api.table import EventsRequest
from coordinator.observation.events import EventKind, Occurrence
from protocol import limits

_CHANGES = (EventKind.COMMITTED, EventKind.UNDONE)


@dataclass(slots=True)
class _Watcher:
    """One who listens."""

    number: int
    """The last event that it was told, or need not be told."""
    since: int | None = None
    """Of what happened before it came: only what belongs to later generations."""
    seam: int = 0
    """The last event that happened before it came."""
    reads_past: bool = False
    """Whether it waits for what the ledger has."""


class EventWatchers:
    """Who listens, and how far each has got."""

    def __init__(self, server: ApiServer, broker: BrokerHandle, secrets: SecretPlaces) -> None:
        self._server = server
        self._broker = broker
        self._secrets = secrets
        self._events = broker.observer.events
        self._events.told.append(self._told)
        self._watchers: dict[int, _Watcher] = {}

    def count(self) -> int:
        """How many listen."""
        self._forget_gone()
        return len(self._watchers)

    def add(self, client: Connection, request: EventsRequest) -> None:
        """Tell `client` what it has missed, and whatever happens from now on."""
        events, epoch = self._events, self._broker.machine.epoch
        watcher = self._watchers[client.number] = _Watcher(events.last, None, events.last)
        after = request.after
        self._write(client, {"event": "watching", "generation": self._broker.machine.generation,
                             "cursor": self._cursor(events.last)})  # fmt: skip
        if after is not None and after[0] == epoch:
            watcher.number = min(after[1], events.last)
            self._continue(client, watcher)
        elif request.since is not None:
            watcher.number, watcher.since = events.first_kept - 1, request.since
            watcher.reads_past = True
            if after is not None:
                why = (
                    f"of what members did while no broker ran, or after event {after[1]} of epoch "
                )
                self._gap(client, "members", f"{why}{after[0]}, nothing is known")
            self._read_past(client, watcher, request.since)
        elif after is not None:
            self._gap(
                client, "events", f"those of epoch {after[0]} are not kept; give `since`, too"
            )

    def drained(self, client: Connection) -> None:
        """A client has read what it was slow to read."""
        watcher = self._watchers.get(client.number)
        if watcher is not None:
            self._continue(client, watcher)

    # The present

    def _told(self) -> None:
        """There is another event."""
        self._forget_gone()
        for number, watcher in list(self._watchers.items()):
            client = self._server.clients.get(number)
            if client is not None:
                self._continue(client, watcher)

    def _continue(self, client: Connection, watcher: _Watcher) -> None:
        """Tell it what it has not been told, as long as it reads."""
        if watcher.reads_past:
            return
        missed = self._events.first_kept - 1 - watcher.number
        if missed > 0:
            watcher.number += missed
            self._gap(client, "events", f"{missed} were not kept for so slow a reader")
        for occurrence in self._events.after(watcher.number):
            if client.out or client.number not in self._server.clients:
                return  # `drained` goes on from here
            watcher.number = occurrence.number
            if _is_wanted(occurrence, watcher):
                self._write(client, self._shown(occurrence))

    def _shown(self, occurrence: Occurrence) -> Fields:
        return {
            "event": str(occurrence.kind),
            "cursor": self._cursor(occurrence.number),
            "at": occurrence.at_wall,
            "generation": occurrence.generation,
            **occurrence.details,
        }

    def _cursor(self, number: int) -> str:
        return f"{self._broker.machine.epoch}.{number}"

    # The past

    def _read_past(self, client: Connection, watcher: _Watcher, since: int) -> None:
        kept = int(self._broker.attributes.get("config.history", limits.HISTORY))
        history, most = self._broker.history, 2 * kept

        def then(result: object) -> None:
            watcher.reads_past = False
            if client.number not in self._server.clients:
                return
            if isinstance(result, list):
                own = self._events.after(0)  # now: some may have come while the ledger was read
                for fields in _past(result, since, own, kept):
                    self._write(client, fields)
            else:
                self._gap(client, "changes", f"the ledger cannot be read: {result}")
            self._continue(client, watcher)

        self._broker.history_worker.submit(lambda: history.history(most), then)

    # Out

    def _gap(self, client: Connection, what: str, why: str) -> None:
        self._write(client, {"event": "gap", "what": what, "why": why})

    def _write(self, client: Connection, fields: Fields) -> None:
        if client.role is not ClientRole.OWNER:
            fields = guests.without_commands(fields)
        shown = self._secrets.known().without_values({"version": 1, "result": "ok", **fields})
        line = json.dumps(shown, separators=(",", ":"), ensure_ascii=False)
        self._server.write(client, line.encode(errors="replace") + b"\n")

    def _forget_gone(self) -> None:
        for number in self._watchers.keys() - self._server.clients.keys():
            del self._watchers[number]


def _is_wanted(occurrence: Occurrence, watcher: _Watcher) -> bool:
    """Of what happened before it came: whether that belongs to what it asked for."""
    if watcher.since is None or occurrence.number > watcher.seam:
        return True
    if occurrence.kind in _CHANGES:
        return occurrence.generation > watcher.since
    return occurrence.generation >= watcher.since


def _past(
    entries: list[dict[str, Any]], since: int, own: list[Occurrence], most: int
) -> Iterator[Fields]:
    """The events that the ledger has and this life (`own`) has not, oldest first.

    Texts that could not be read have no txid: those refusals are told apart by their moment.
    """
    known = {occurrence.details.get("txid") for occurrence in own}
    began = own[0].at_wall if own else math.inf
    entries = entries[::-1]
    commits = [entry for entry in entries if "generation" in entry]
    attempts = [entry for entry in entries if "generation" not in entry]
    first = commits[0]["generation"] if commits else 1
    if first > since + 1:
        why = f"generations {since + 1} to {first - 1} are not kept any more"
        yield {"event": "gap", "what": "changes", "why": why}
    if len(attempts) >= most and attempts[0]["base"] >= since:
        why = f"of what was refused only the last {most} are kept"
        yield {"event": "gap", "what": "refusals", "why": why}
    for entry in entries:
        later = entry["base"] >= since  # of a commit, its generation is one more
        is_own = entry["txid"] in known if entry["txid"] else entry["at"] >= began
        if later and not is_own:
            yield from _events_of(entry)


def _events_of(entry: dict[str, Any]) -> Iterator[Fields]:
    names = ("base", "txid", "digest", "verb", "who", "message", "reasons")
    details = {name: entry[name] for name in names if name in entry}
    generation = entry.get("generation")
    if generation is None:
        yield {"event": "refused", "at": entry["at"], "generation": entry["base"], **details}
        return
    details["asked"] = len(entry.get("members", ()))
    kind = EventKind.UNDONE if entry["verb"] == "undo" else EventKind.COMMITTED
    yield {"event": str(kind), "at": entry["at"], "generation": generation, **details}
    if "not_applied" in entry:
        missing = {"not_applied": entry["not_applied"]}
        yield {"event": "not-applied", "at": entry["at"], "generation": generation, **missing}
