# SPDX-License-Identifier: LGPL-3.0-or-later
"""The ledger as a value: its rows, and the production's ledger set up on them for one operation.

Every rule is `coordinator.ledger.sqlite`'s, on the storage of the simulation.  What is read off it
is what a promise depends on: refused attempts and the like are not.  Times are relative to the
present, and kept for a generation only that waits to be confirmed.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from typing import Any, NamedTuple

from coordinator.ledger.errors import NotWritten, Uncertain
from coordinator.ledger.sqlite import SqliteLedger
from tests.simulation.ledger import MemoryStorage, MemoryStore, Mishap

Row = tuple[Any, ...]

_TABLES = ("decisions", "unconfirmed", "extended", "attached", "provisional")
_AT = 10
"""Where a row of `decisions` has its time."""


class Rows(NamedTuple):
    """All that one image of a ledger holds."""

    identity: str
    epoch: int
    decisions: tuple[Row, ...]
    unconfirmed: tuple[Row, ...]
    extended: tuple[Row, ...]
    attached: tuple[Row, ...]
    provisional: tuple[Row, ...]

    @property
    def history(self) -> tuple[tuple[str, str], ...]:
        """Txid and digest of each generation."""
        return tuple((row[1], row[3]) for row in self.decisions)


class Disk(NamedTuple):
    """What a crash may leave: `images` from what was forced last to what was written last."""

    images: tuple[Rows, ...]

    @property
    def now(self) -> Rows:
        """What is read while there is no crash."""
        return self.images[-1]


class Opened(NamedTuple):
    """Who has the ledger open."""

    identity: str
    epoch: int
    life: str


EMPTY = Disk((Rows("", 0, (), (), (), (), ()),))


def later(disk: Disk, seconds: float) -> Disk:
    """The same after some time."""
    return Disk(tuple(_later(image, seconds) for image in disk.images))


def _later(rows: Rows, seconds: float) -> Rows:
    if not rows.unconfirmed:
        return rows
    ((generation, at),) = rows.unconfirmed
    left = round(at - seconds, 6)
    decisions = tuple(
        (*row[:_AT], round(row[_AT] - seconds, 6)) if row[0] == generation else row
        for row in rows.decisions
    )
    return _in_short(rows._replace(decisions=decisions, unconfirmed=((generation, left),)))


def _in_short(rows: Rows) -> Rows:
    """Without the times that make no difference any more."""
    waits = {generation for generation, at in rows.unconfirmed if at > 0}
    decisions = tuple(row if row[0] in waits else (*row[:_AT], 0.0) for row in rows.decisions)
    unconfirmed = tuple((generation, max(0.0, at)) for generation, at in rows.unconfirmed)
    return rows._replace(decisions=decisions, unconfirmed=unconfirmed)


# The production's ledger on rows


@cache
def _image(identity: str, epoch: int) -> bytes:
    """A ledger without decisions that has been opened `epoch` times."""
    store = MemoryStore()
    SqliteLedger(MemoryStorage(store), float, token=lambda _: identity)
    store.database.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (epoch,))
    image: bytes = store.database.serialize()
    store.dispose()
    return image


def _fill(database: sqlite3.Connection, rows: Rows) -> None:
    for table in _TABLES:
        database.execute(f"DELETE FROM {table}")
        for row in getattr(rows, table):
            marks = ",".join("?" * len(row))
            database.execute(f"INSERT INTO {table} VALUES ({marks})", row)


def _read(database: sqlite3.Connection) -> Rows:
    def rows(what: str) -> tuple[Row, ...]:
        return tuple(database.execute(f"SELECT {what}").fetchall())

    ((identity,),) = rows("id FROM identity")
    ((epoch,),) = rows("value FROM meta WHERE name = 'epoch'")
    found = Rows(identity, epoch, *(rows(f"* FROM {table} ORDER BY 1") for table in _TABLES))
    return _in_short(found)


class Session:
    """The production's ledger, open on a disk, for one operation."""

    def __init__(self, disk: Disk, opened: Opened, mishap: Mishap | None = None) -> None:
        self._disk = disk
        self._store = MemoryStore()
        self._store.put((_image(opened.identity, opened.epoch - 1), (0, 0)))
        self.ledger = SqliteLedger(MemoryStorage(self._store), float, token=lambda _: opened.life)
        self._store.database.execute(
            "UPDATE meta SET value = ? WHERE name = 'epoch'", (disk.now.epoch,)
        )
        _fill(self._store.database, disk.now)
        self._store.force()
        self._store.mishap = mishap

    def after(self) -> Disk:
        """What is there now; the session is over."""
        with closing(self._store.database):
            found = _read(self._store.database)
        before = self._disk.images
        if found == before[-1]:
            return self._disk if self._store.unforced else Disk(before)
        return Disk((*before, found)) if self._store.unforced else Disk((found,))


def opened_by(disk: Disk, identity: str, life: str) -> tuple[SqliteLedger, Callable[[], Disk]]:
    """The ledger as a new life opens it, and what is there when it has.

    `identity` is that of a ledger which is made now; the names are random in production.
    """
    rows, store = disk.now, MemoryStore()
    names = iter((life,) if rows.identity else (identity, life))
    if rows.identity:
        store.put((_image(rows.identity, rows.epoch), (0, 0)))
        _fill(store.database, rows)
    ledger = SqliteLedger(MemoryStorage(store), float, token=lambda _: next(names))

    def after() -> Disk:
        with closing(store.database):
            return Disk((_read(store.database),))

    return ledger, after


def outcome_of(job: Callable[[], object]) -> object:
    """What a job on the ledger returns, or what it raises that the executor knows of."""
    try:
        return job()
    except (NotWritten, Uncertain, LookupError) as error:
        return error
