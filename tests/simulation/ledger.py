# SPDX-License-Identifier: LGPL-3.0-or-later
"""The production's ledger on storage that forgets in a crash what was not forced, and can fail.

Every rule of the ledger (its SQL, its fence, what is forced and what may be lost, which failure is
certain) is `coordinator.ledger.sqlite`'s.  Here is only what lies under it: a SQLite database in
memory, an image of it as it was last forced, and the transactions since.  A crash keeps the image
and some first part of these; that SQLite itself survives a log that is cut at any byte is what
`sqlite_store` looks at, on real files.
"""

import random
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from functools import partial
from typing import Any, Protocol

from coordinator.core.decisions import Decision, Durable
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.ledger.sqlite_storage import Execute, SqliteStorage

Statement = tuple[str, tuple[Any, ...]]


class Mishap(Enum):
    """What the next forced write comes to: SQLite's result code for it."""

    REFUSED = "SQLITE_FULL"
    UNCERTAIN = "SQLITE_IOERR_FSYNC"

    def error(self) -> sqlite3.Error:
        """As SQLite raises it."""
        error = sqlite3.OperationalError(self.value)
        error.sqlite_errorname = self.value
        return error


class WatchedLedger(SqliteLedger):
    """The production's; it only tells what has become durable."""

    def __init__(
        self, storage: SqliteStorage, clock: Callable[[], float], chance: random.Random
    ) -> None:
        super().__init__(storage, clock, token=partial(_name, chance))
        self.unacknowledged = False
        """Whether a decision is on disk that the machine has not heard of."""
        self.durable: Callable[[Durable], None] = lambda _: None

    def force(self, decision: Decision) -> Durable:
        durable = super().force(decision)
        self.unacknowledged = True
        self.durable(durable)
        return durable


def _name(chance: random.Random, size: int) -> str:
    """As random as production's, and the same for the same seed."""
    return chance.randbytes(size).hex()


class Store(Protocol):
    """Where ledgers come from, life after life."""

    mishap: Mishap | None
    """What becomes of the next forced write."""
    clock: Callable[[], float]
    chance: random.Random
    """Names of ledgers and of lives are drawn from it."""

    def open(self) -> WatchedLedger:
        """The ledger as a new life finds it."""

    def crash(self, ledger: WatchedLedger, chance: random.Random) -> None:
        """The process that used `ledger` is gone, and what it had not forced may be, too."""

    def copy(self) -> Any:
        """A backup of all that is there, which nobody is writing to."""

    def put(self, copy: Any) -> None:
        """This in place of what is there; None: nothing.  Nobody has a ledger open."""

    def dispose(self) -> None:
        """The world ends."""


class MemoryStore:
    """A database in memory, under the ledgers of one life of a broker after another."""

    def __init__(self) -> None:
        self.mishap: Mishap | None = None
        self.clock: Callable[[], float] = float
        self.chance = random.Random(0)
        self.database = _database()
        self.unforced: list[list[Statement]] = []
        self.reached = (0, 0)
        self._image = b""
        self._last: WatchedLedger | None = None

    def open(self) -> WatchedLedger:
        mishap, self.mishap = self.mishap, None  # a life that cannot begin is not looked at here
        self._last = WatchedLedger(MemoryStorage(self), self.clock, self.chance)
        self.mishap = mishap
        return self._last

    def crash(self, ledger: WatchedLedger, chance: random.Random) -> None:
        if ledger is not self._last:
            return  # another life has the disk, and it is well
        count = len(self.unforced)
        kept = self.unforced[: chance.choice((0, count, chance.randint(0, count)))]
        if len(kept) < count:
            self.database.close()
            self.database = _database()
            self.database.deserialize(self._image)
            for transaction in kept:
                for statement, values in transaction:
                    self.database.execute(statement, values)
        self.force()

    def force(self) -> None:
        """All that was written survives from now on."""
        self._image = self.database.serialize()
        self.unforced.clear()

    def take_mishap(self) -> Mishap | None:
        """What the write that comes is to be."""
        mishap, self.mishap = self.mishap, None
        return mishap

    def copy(self) -> tuple[bytes, tuple[int, int]]:
        return self.database.serialize(), self.reached

    def put(self, copy: Any) -> None:
        image, self.reached = (b"", (0, 0)) if copy is None else copy
        self.database.close()
        self.database = _database()
        if image:
            self.database.deserialize(image)
        self._last, self._image = None, image
        self.unforced.clear()

    def dispose(self) -> None:
        self.database.close()


def _database() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


class MemoryStorage:
    """What production keeps in a state directory."""

    path = "memory"

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def connect(self) -> sqlite3.Connection:
        self._store.database.execute("PRAGMA page_size = 512")  # to keep the images small
        return self._store.database

    def transaction(self, forced: bool) -> "_Transaction":
        return _Transaction(self._store, forced)

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        return nullcontext(self._store.database)

    def mark(self, epoch: int, generation: int) -> None:
        self._store.reached = (epoch, generation)

    def marked(self) -> tuple[int, int]:
        return self._store.reached

    def close(self) -> None:
        """The next life opens it again."""


class _Transaction:
    """Writes its statements down, so that they can be lost."""

    def __init__(self, store: MemoryStore, forced: bool) -> None:
        self._store = store
        self._forced = forced
        self._statements: list[Statement] = []

    def __enter__(self) -> Execute:
        self._store.database.execute("BEGIN")
        return self._execute

    def _execute(self, statement: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        if not statement.startswith("SELECT"):
            self._statements.append((statement, values))
        return self._store.database.execute(statement, values)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        store = self._store
        mishap = store.take_mishap() if self._forced and kind is None else None
        if kind is not None or mishap is Mishap.REFUSED:
            store.database.execute("ROLLBACK")
        else:
            store.database.execute("COMMIT")
            store.unforced.append(self._statements)
            if self._forced and mishap is None:
                store.force()
        if mishap is not None:
            raise mishap.error()
