# SPDX-License-Identifier: LGPL-3.0-or-later
"""The request `timeline`: changes as the history has them, when what happened, and what changed.

The latest come from memory, also those that the history does not have (dry runs, and what changed
nothing); earlier ones lie in the ledger.  A picture is passed on, so secrets are hidden from all.
"""

import json
from collections.abc import Iterable
from typing import Any

from coordinator.api import guests
from coordinator.api.changed_keys import without_secrets
from coordinator.api.fields import Fields, count, generation, text
from coordinator.api.handle import BrokerHandle
from coordinator.api.secret_places import SecretPlaces, Secrets
from coordinator.api.table import Caller, Kind, Look, Table, TableEntry
from coordinator.comparison.differences import Difference, differences
from coordinator.ledger.errors import NotKept
from coordinator.ledger.interface import History
from protocol import limits
from protocol.configuration import EMPTY, Configuration
from protocol.reasons import CUT_MARK


class TimelineReads:
    """Serves the request."""

    def __init__(self, broker: BrokerHandle, secrets: SecretPlaces) -> None:
        self._broker = broker
        self._secrets = secrets

    def table(self) -> Table:
        """The row that is served here."""
        return {"timeline": TableEntry(Kind.READ, self._timeline)}

    def _timeline(self, request: Fields, caller: Caller) -> Look:
        most = count(request, "most", 1, limits.TIMELINES)
        number = generation(request) if "generation" in request else None
        txid = text(request, "txid") if "txid" in request else None
        recent = self._broker.observer.timelines.recent()
        secrets, past = self._secrets.known(), self._broker.history

        def job() -> Fields:
            if number is not None:
                entries = [past.entry(number)]
            elif txid is not None:
                entries = [_of_txid(past, recent, txid)]
            else:
                entries = _latest(past, recent, most)
            found = _complete(past, recent, entries, secrets)
            shown = [_for(caller, entry, secrets) for entry in found]
            return {"version": 1, "timelines": shown}

        return Look(job)


def _of_txid(past: History, recent: dict[str, Fields], txid: str) -> Fields:
    found = past.find(txid) or recent.get(txid)
    if found is None:
        raise NotKept(f"{txid:.80}: no such change is kept; `flux config history` lists them")
    return found


def _latest(past: History, recent: dict[str, Fields], most: int) -> list[Fields]:
    """The newest first; what the history has not yet, or never will, from memory."""
    entries = past.history(most)
    known = {entry["txid"] for entry in entries}
    entries += [
        entry
        for txid, entry in recent.items()
        if txid not in known and (entry["moments"]["dry_run"] or past.find(txid) is None)
    ]
    entries.sort(key=lambda entry: _began(entry, recent), reverse=True)
    return entries[:most]


def _began(entry: Fields, recent: dict[str, Fields]) -> float:
    """When its request arrived; what the history has is of the end."""
    at: float = recent.get(entry["txid"], entry)["at"]
    return at


def _complete(
    past: History, recent: dict[str, Fields], entries: list[Fields], secrets: Secrets
) -> list[Fields]:
    """The entries, each with its moments, with what changed, and with what has undone it."""
    stored = past.timelines(
        entry["txid"] for entry in entries if entry["txid"] and entry["txid"] not in recent
    )
    undone = past.undone(entry["generation"] for entry in entries if "generation" in entry)
    compared = _Comparison(past, secrets)
    complete = []
    for entry in entries:
        timeline = recent.get(entry["txid"]) or stored.get(entry["txid"]) or {}
        whole = {**timeline, **entry}
        if entry.get("generation") in undone:
            number = entry["generation"]
            whole |= {"undone_by": number + 1, "undone_why": undone[number]}
        if whole["result"] in ("committed", "partial") and "generation" in whole:
            whole |= compared.changes(whole["generation"])
        complete.append(whole)
    return complete


class _Comparison:
    """What generations changed, as long as there is time for it."""

    def __init__(self, past: History, secrets: Secrets) -> None:
        self._past = past
        self._secrets = secrets
        self._read: dict[int, Configuration] = {0: EMPTY}
        self._room = limits.TIMELINE_COMPARED_BYTES

    def changes(self, number: int) -> Fields:
        """The fields `changes` and `more_changes`; none where the one before is not kept."""
        try:
            before, after = self._configuration(number - 1), self._configuration(number)
        except NotKept:
            return {}
        if before is None or after is None:
            return {}
        found = [self._shown(difference) for difference in differences(before, after)]
        more = len(found) - limits.TIMELINE_CHANGES
        shown: Fields = {"changes": found[: limits.TIMELINE_CHANGES]}
        return {**shown, "more_changes": more} if more > 0 else shown

    def _configuration(self, number: int) -> Configuration | None:
        """None where enough has been read for one answer."""
        if number not in self._read:
            if self._room <= 0:
                return None
            found = self._past.configuration(number)
            self._room -= len(found.encoded)
            self._read[number] = found
        return self._read[number]

    def _shown(self, difference: Difference) -> Fields:
        shown = without_secrets(difference, self._secrets).as_json()
        for name in ("old", "new"):
            if name not in shown:
                continue
            whole = json.dumps(shown[name], ensure_ascii=False)
            if len(whole) > limits.TIMELINE_VALUE_LENGTH:
                shown[name], shown["cut"] = whole[: limits.TIMELINE_VALUE_LENGTH] + CUT_MARK, True
        return shown


def _for(caller: Caller, entry: Fields, secrets: Secrets) -> Fields:
    """As this caller may see it: a guest does not see what others typed, nor what modules said."""
    if caller.is_owner:
        return secrets.without_values(entry)
    shown = guests.without_commands(entry)
    shown.pop("undone_why", None)
    moments = shown.get("moments")
    if moments is not None:
        members = _without(moments["members"], "why")
        shown["moments"] = {**moments, "members": members}
    return shown


def _without(members: Iterable[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [{key: value for key, value in member.items() if key != name} for member in members]
