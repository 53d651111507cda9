# SPDX-License-Identifier: LGPL-3.0-or-later
"""Reading the ledger's past: which generations there were, and what was refused.

Used in a thread of its own: a reader must not wait for a decision that is being forced, and no
decision for a reader (https://sqlite.org/wal.html, "Concurrency").
"""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from coordinator.core.operations.confirm import UNDO
from coordinator.core.operations.undo_reason import why_undone
from coordinator.ledger.errors import NotKept
from coordinator.ledger.sqlite_storage import SqliteStorage
from protocol.configuration import Configuration
from protocol.reason_code import ReasonCode

_DECISIONS = """
SELECT at, iif(names IS NULL, 'committed', 'partial'), generation, generation - 1, txid, digest,
    verb, who, message, members, NULL,
    (SELECT warnings FROM warnings WHERE warnings.generation = decisions.generation), names
    FROM decisions LEFT JOIN not_applied USING (generation) {where}
    ORDER BY generation DESC LIMIT ?
"""
_ATTEMPTS = """
SELECT at, 'refused', NULL, base, txid, digest, verb, who, message,
    NULL, reasons, NULL, NULL FROM attempts {where} ORDER BY number DESC LIMIT ?
"""
_NAMES = (
    "at",
    "result",
    "generation",
    "base",
    "txid",
    "digest",
    "verb",
    "who",
    "message",
    "members",
    "reasons",
    "warnings",
    "not_applied",
)


class SqliteHistory:
    """The past of one ledger.  Every method looks at it anew; use it from any one thread."""

    def __init__(self, storage: SqliteStorage) -> None:
        self._storage = storage

    def configuration(self, generation: int) -> Configuration:
        """What this generation was.  Raises NotKept, and sqlite3.Error for a bad disk."""
        with self._storage.reading() as ledger:
            row = ledger.execute(
                "SELECT configuration FROM decisions WHERE generation = ?", (generation,)
            ).fetchone()
            if row is None:
                raise NotKept(self._what_is_kept(ledger, generation))
        return Configuration.decode(row[0])

    def entry(self, generation: int) -> dict[str, Any]:
        """One generation as it stands in the history.  Raises NotKept."""
        with self._storage.reading() as ledger:
            one = _DECISIONS.format(where="WHERE generation = ?")
            row = ledger.execute(one, (generation, 1)).fetchone()
            if row is None:
                raise NotKept(self._what_is_kept(ledger, generation))
        return _shown(row)

    def history(self, most: int) -> list[dict[str, Any]]:
        """Generations and refused attempts, the newest first, at most `most`."""
        with self._storage.reading() as ledger:
            decisions = ledger.execute(_DECISIONS.format(where=""), (most,)).fetchall()
            rows = decisions + ledger.execute(_ATTEMPTS.format(where=""), (most,)).fetchall()
        rows.sort(key=lambda row: row[0], reverse=True)
        return [_shown(row) for row in rows[:most]]

    def find(self, txid: str) -> dict[str, Any] | None:
        """The entry of this transaction, if it is kept."""
        with self._storage.reading() as ledger:
            for kind in (_DECISIONS, _ATTEMPTS):
                one = kind.format(where="WHERE txid = ?")
                row = ledger.execute(one, (txid, 1)).fetchone()
                if row is not None:
                    return _shown(row)
        return None

    def timelines(self, txids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """By txid, when what happened in these changes, as far as it is kept."""
        wanted = tuple(txids)
        marks = ",".join("?" * len(wanted))
        with self._storage.reading() as ledger:
            rows = ledger.execute(
                f"SELECT txid, timeline FROM timelines WHERE txid IN ({marks})", wanted
            ).fetchall()
        return {txid: json.loads(timeline) for txid, timeline in rows}

    def undone(self, generations: Iterable[int]) -> dict[int, str]:
        """Those of `generations` that the next one took back by itself, and why, in words."""
        after = tuple(number + 1 for number in generations)
        marks = ",".join("?" * len(after))
        with self._storage.reading() as ledger:
            rows = ledger.execute(
                "SELECT generation - 1, message FROM decisions "
                f"WHERE verb = ? AND generation IN ({marks})",
                (UNDO, *after),
            ).fetchall()
        return {number: why_undone(number, message) for number, message in rows}

    def _what_is_kept(self, ledger: sqlite3.Connection, wanted: int) -> str:
        low, high = ledger.execute(
            "SELECT min(generation), max(generation) FROM decisions"
        ).fetchone()
        return f"generation {wanted} is not kept; {low} to {high} are"


def _shown(row: tuple[Any, ...]) -> dict[str, Any]:
    entry = {name: value for name, value in zip(_NAMES, row, strict=True) if value is not None}
    for name in ("who", "members", "reasons", "warnings", "not_applied"):
        if name in entry:
            entry[name] = json.loads(entry[name])
    for reason in (*entry.get("reasons", ()), *entry.get("warnings", ())):
        reason.setdefault("code", str(ReasonCode.INVALID))  # of a release that knew no codes
    return entry
