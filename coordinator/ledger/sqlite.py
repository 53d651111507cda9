# SPDX-License-Identifier: LGPL-3.0-or-later
"""The durable list of decisions: the only durable state there is.

Kept in SQLite (https://sqlite.org/wal.html), in WAL mode with synchronous=FULL: when `force`
returns, the decision has been through fsync(2).  Records whose loss breaks no promise (refused
attempts, who was attached) are written without waiting for the disk.

The rules are those of `interface`; where the file is and what guards it is `sqlite_storage`'s.

A write that fails has failed for certain (`NotWritten`: the disk was full, the file read-only) or
nobody can know (`Uncertain`: fsync failed, and the kernel may or may not have written).  In the
second case the only honest thing is to stop and to read the ledger again on the next start
(Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020).
"""

import errno
import json
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from coordinator.core.decisions import Attempt, Decision, Durable, Provisional, Receipt
from coordinator.core.requests import Who
from coordinator.ledger.errors import Fenced, LedgerError, NotWritten, Uncertain
from coordinator.ledger.sqlite_history import SqliteHistory
from coordinator.ledger.sqlite_storage import Execute, SqliteFile, SqliteStorage
from coordinator.runtime.directories import Unusable
from protocol import limits
from protocol.configuration import Configuration, Unfit
from protocol.reasons import Reason

SCHEMA_VERSION = 1
"""PRAGMA user_version of a ledger that this program writes; 0 is one from before there was any."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS decisions (
    generation INTEGER PRIMARY KEY, txid TEXT NOT NULL UNIQUE, epoch INTEGER NOT NULL,
    digest TEXT NOT NULL, configuration BLOB NOT NULL, files TEXT, members TEXT NOT NULL,
    verb TEXT NOT NULL, who TEXT NOT NULL, message TEXT NOT NULL, at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS attempts (
    number INTEGER PRIMARY KEY AUTOINCREMENT, txid TEXT NOT NULL, base INTEGER NOT NULL,
    digest TEXT NOT NULL, verb TEXT NOT NULL, who TEXT NOT NULL, message TEXT NOT NULL,
    reasons TEXT NOT NULL, at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS warnings (
    generation INTEGER PRIMARY KEY, warnings TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS attached (name TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS since (name TEXT PRIMARY KEY, present INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS unconfirmed (
    generation INTEGER PRIMARY KEY, undone_at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS extended (generation INTEGER PRIMARY KEY, seconds REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS not_applied (
    generation INTEGER PRIMARY KEY, names TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS provisional (generation INTEGER PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS timelines (
    number INTEGER PRIMARY KEY AUTOINCREMENT, txid TEXT NOT NULL UNIQUE,
    timeline TEXT NOT NULL) STRICT;
"""


# SQLite's result codes (https://sqlite.org/rescode.html) after which nothing was written.
_CERTAIN = (
    "SQLITE_FULL",
    "SQLITE_READONLY",
    "SQLITE_IOERR_WRITE",
    "SQLITE_CANTOPEN",
    "SQLITE_BUSY",
    "SQLITE_PERM",
)


_IDENTITY_BYTES, _LIFE_BYTES = 8, 3
_TIDY_BYTES = 512 * 1024


_OF_THE_LAST = ("unconfirmed", "extended", "since", "provisional")
"""Tables about the last decision.  With no WHERE, SQLite would write a page of each that is empty
(https://sqlite.org/lang_delete.html#the_truncate_optimization)."""

_DECISION_BYTES = 16 * 1024  # what a decision takes in the WAL besides its configuration
_RECORD_BYTES = 32 * 1024
_UNTIDY_BYTES = 4 * 1024 * 1024  # records alone: nobody calls `maintain` where nothing is decided


class SqliteLedger:
    """One open ledger.  After opening, use it from one thread at a time."""

    def __init__(
        self,
        storage: SqliteStorage,
        clock: Callable[[], float] = time.time,
        history: int | None = None,
        token: Callable[[int], str] = secrets.token_hex,
    ) -> None:
        """Checks what is in `storage` and starts a new epoch, forced to disk.

        `clock` is the wall clock, in seconds since the Epoch.  `history` is how many decisions,
        and how many refused attempts, are kept: 2 or more; by default HISTORY.
        `token` makes a random name of so many bytes.
        Raises LedgerError where it cannot be written, or holds something that is no sound ledger.
        """
        self.path = storage.path
        self._storage = storage
        self._clock = clock
        self._token = token
        # at least the last, and the one that an undo goes back to
        self._history = max(2, limits.HISTORY if history is None else history)
        self._untidied = 0
        try:
            self._connection = storage.connect()
            self._check()
            self.identity, self.epoch = self._next_life()
            self.life = token(_LIFE_BYTES)
            storage.mark(self.epoch, self._last_generation())
        except (sqlite3.Error, OSError, Unfit, ValueError, NotWritten) as error:
            storage.close()
            raise LedgerError(_way_out(self.path, error)) from error

    @classmethod
    def open(
        cls,
        statedir: str,
        clock: Callable[[], float] = time.time,
        history: int | None = None,
    ) -> "SqliteLedger":
        """Open or make the ledger in `statedir`.

        Raises LedgerError where the directory is in use by another broker, or unsafe, too.
        """
        try:
            storage = SqliteFile(statedir)
        except Unusable as error:
            raise LedgerError(str(error)) from error
        return cls(storage, clock, history)

    def history(self) -> SqliteHistory:
        """A reader of this ledger's past, for a thread of its own."""
        return SqliteHistory(self._storage)

    def close(self) -> None:
        """Let go of the file, so that another broker may have it."""
        self._storage.close()

    # The decisions

    def force(self, decision: Decision) -> Durable:
        """Put the decision on disk; when this returns it has survived.

        Raises NotWritten where it certainly is not there (Fenced: a later coordinator has the
        ledger), Uncertain where nobody knows.
        """
        at = self._clock()
        row = (
            decision.generation,
            decision.txid,
            decision.epoch,
            decision.configuration.digest,
            decision.configuration.encoded,
            decision.files,
            json.dumps(decision.members),
            decision.verb,
            _who_text(decision.who),
            decision.message,
            at,
        )
        try:
            with self._writing(forced=True) as run:
                last = self._last_generation()
                if decision.epoch != self.epoch:
                    raise NotWritten(f"it is of epoch {decision.epoch}, not {self.epoch}")
                if decision.generation != last + 1:
                    raise NotWritten(f"generation {decision.generation} does not follow {last}")
                run("INSERT INTO decisions VALUES (?,?,?,?,?,?,?,?,?,?,?)", row)
                for table in _OF_THE_LAST:
                    run(f"DELETE FROM {table} WHERE true")
                if decision.provisional:
                    run("INSERT INTO provisional VALUES (?)", (decision.generation,))
                if decision.confirm is not None:
                    undone_at = at + decision.confirm
                    run("INSERT INTO unconfirmed VALUES (?,?)", (decision.generation, undone_at))
                oldest = decision.generation - self._history
                run("DELETE FROM decisions WHERE generation <= ?", (oldest,))
                run("DELETE FROM not_applied WHERE generation <= ?", (oldest,))
        except sqlite3.Error as error:
            raise self._failure(error) from error
        self._storage.mark(self.epoch, decision.generation)
        self._untidied += _DECISION_BYTES + len(decision.configuration.encoded)
        return Durable(Receipt(decision.txid, decision.generation), decision, at)

    @property
    def wants_maintenance(self) -> bool:
        """True if `maintain` is worth its while."""
        return self._untidied >= _TIDY_BYTES

    def maintain(self) -> None:
        """Move what was forced out of the WAL and into the database proper.

        Not while somebody waits for a decision: it takes two fsyncs.  The WAL then starts over, and
        to write over a file costs the disk half of what it costs to let it grow.

        Raises sqlite3.Error; the WAL is then as it was, and nothing is lost.
        """
        self._untidied = 0
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def confirm(self, generation: int) -> None:
        """Put on disk that this generation stays.  Raises NotWritten or Uncertain, as `force`."""
        try:
            with self._writing(forced=True) as run:
                run("DELETE FROM unconfirmed WHERE generation = ?", (generation,))
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def extend(self, generation: int, seconds: float) -> None:
        """Put on disk that this generation has so many seconds from now.  Raises as `confirm`."""
        try:
            with self._writing(forced=True) as run:
                run(
                    "UPDATE unconfirmed SET undone_at = ? WHERE generation = ?",
                    (self._clock() + seconds, generation),
                )
                run("INSERT OR REPLACE INTO extended VALUES (?,?)", (generation, seconds))
        except sqlite3.Error as error:
            raise self._failure(error) from error

    def unconfirmed(self) -> tuple[int, Configuration, float] | None:
        """The last generation where it is unconfirmed, what ran before it, and the seconds left."""
        row = self._connection.execute("SELECT generation, undone_at FROM unconfirmed").fetchone()
        if row is None:
            return None
        before = self.generation(row[0] - 1)
        mine = self.generation(row[0])
        if before is None or mine is None:
            raise Unfit(f"generation {row[0]} is unconfirmed: it, or the one before, is missing")
        # At most what was granted, should the wall clock have been set back meanwhile
        extended = self._connection.execute(
            "SELECT seconds FROM extended WHERE generation = ?", (row[0],)
        ).fetchone()
        granted = extended[0] if extended else row[1] - mine.committed_at_wall
        left = min(row[1] - self._clock(), granted)
        return row[0], before.configuration, max(0.0, left)

    def provisional(self) -> Provisional | None:
        """The last generation where nobody knows yet whether all its members can apply it."""
        row = self._connection.execute("SELECT generation FROM provisional").fetchone()
        before = self.generation(row[0] - 1) if row is not None else None
        if before is None or row[0] != self._last_generation():
            return None
        return Provisional(row[0], before.configuration)

    def last(self) -> Durable | None:
        """The decision in force, if there has been any."""
        return self._one("ORDER BY generation DESC LIMIT 1", ())

    def generation(self, number: int) -> Durable | None:
        """The decision of this number, if it is kept."""
        return self._one("WHERE generation = ?", (number,))

    def receipts(self) -> dict[str, Receipt]:
        """The txids of the last decisions, oldest first."""
        rows = self._connection.execute(
            "SELECT txid, generation FROM decisions ORDER BY generation DESC LIMIT ?",
            (limits.DECISIONS_KNOWN,),
        ).fetchall()
        return {txid: Receipt(txid, generation) for txid, generation in reversed(rows)}

    def record_files(self, generation: int, digest: str) -> None:
        """The files with this digest are what `generation` runs."""
        with self._writing(forced=False) as run:
            run("UPDATE decisions SET files = ? WHERE generation = ?", (digest, generation))

    # Records whose loss breaks no promise

    def record_attempt(self, attempt: Attempt) -> None:
        """Write a refused attempt into the history."""
        reasons = json.dumps([reason.as_json() for reason in attempt.reasons])
        row = (
            attempt.txid,
            attempt.base,
            attempt.digest,
            attempt.verb,
            _who_text(attempt.who),
            attempt.message,
            reasons,
            self._clock(),
        )
        self._untidied += len(reasons)
        with self._writing(forced=False) as run:
            run("INSERT INTO attempts VALUES (NULL,?,?,?,?,?,?,?,?)", row)
            run(
                "DELETE FROM attempts WHERE number <= (SELECT max(number) FROM attempts) - ?",
                (self._history,),
            )

    def record_warnings(self, generation: int, warnings: Iterable[Reason]) -> None:
        """What modules had to say of a generation that they accepted."""
        text = json.dumps([warning.as_json() for warning in warnings])
        with self._writing(forced=False) as run:
            run("INSERT OR REPLACE INTO warnings VALUES (?,?)", (generation, text))
            run("DELETE FROM warnings WHERE generation <= ?", (generation - self._history,))

    def record_not_applied(self, generation: int, names: tuple[str, ...]) -> None:
        """Who had not applied this generation when its change ended."""
        with self._writing(forced=False) as run:
            run("INSERT OR REPLACE INTO not_applied VALUES (?,?)", (generation, json.dumps(names)))

    def record_kept(self, generation: int) -> None:
        """All members that are there have applied this provisional generation."""
        with self._writing(forced=False) as run:
            run("DELETE FROM provisional WHERE generation = ?", (generation,))

    def record_timelines(self, timelines: Iterable[Mapping[str, Any]]) -> None:
        """When what happened in these changes; as many are kept as there may be entries."""
        rows = [(timeline["txid"], json.dumps(timeline)) for timeline in timelines]
        with self._writing(forced=False) as run:
            for row in rows:
                run("INSERT OR REPLACE INTO timelines VALUES (NULL,?,?)", row)
            run(
                "DELETE FROM timelines WHERE number <= (SELECT max(number) FROM timelines) - ?",
                (2 * self._history,),
            )

    def record_attached(self, name: str, present: bool) -> None:
        """An attached participant became, or ceased to be, a member."""
        with self._writing(forced=False) as run:
            if present:
                run("INSERT OR IGNORE INTO attached VALUES (?)", (name,))
            else:
                run("DELETE FROM attached WHERE name = ?", (name,))
            run("INSERT OR REPLACE INTO since VALUES (?,?)", (name, present))

    def record_voter(self, name: str, present: bool) -> None:
        """A module became, or ceased to be, one that votes on what follows the last generation."""
        with self._writing(forced=False) as run:
            run("INSERT OR REPLACE INTO since VALUES (?,?)", (name, present))

    def voters(self) -> tuple[str, ...]:
        """Who had a say in the last generation, or has come since, less those that have gone."""
        last = self.last()
        names = set(last.decision.members) if last is not None else set()
        for name, present in self._connection.execute("SELECT name, present FROM since"):
            (names.add if present else names.discard)(name)
        return tuple(sorted(names))

    def attached(self) -> tuple[str, ...]:
        """Attached participants that were members when the last life ended."""
        rows = self._connection.execute("SELECT name FROM attached ORDER BY name").fetchall()
        return tuple(name for (name,) in rows)

    # Inside

    def _failure(self, error: sqlite3.Error) -> NotWritten | Uncertain:
        certain = str(error.sqlite_errorname).startswith(_CERTAIN)
        return (NotWritten if certain else Uncertain)(f"{error} ({self.path})")

    @contextmanager
    def _writing(self, forced: bool) -> Iterator[Execute]:
        """A transaction of this life; where the ledger is a later one's, it writes nothing."""
        with self._storage.transaction(forced) as run:
            (epoch,) = run("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
            if epoch != self.epoch:
                raise Fenced(
                    f"a coordinator of epoch {epoch} has the ledger; this one's is {self.epoch}"
                )
            yield run
        if not forced:
            self._untidied += _RECORD_BYTES
            if self._untidied >= _UNTIDY_BYTES:
                with suppress(sqlite3.Error):  # the record is written
                    self.maintain()

    def _one(self, where: str, values: tuple[Any, ...]) -> Durable | None:
        row = self._connection.execute(
            "SELECT generation, txid, epoch, digest, configuration, files, members, verb, who,"
            f" message, at FROM decisions {where}",
            values,
        ).fetchone()
        if row is None:
            return None
        number, txid, epoch, digest, encoded, files, members, verb, who, message, at = row
        configuration = Configuration.decode(encoded)
        if configuration.digest != digest:
            raise Unfit(f"generation {number} does not have the digest it should")
        decision = Decision(
            generation=number,
            txid=txid,
            epoch=epoch,
            configuration=configuration,
            files=files,
            members=tuple(json.loads(members)),
            verb=verb,
            who=Who(**json.loads(who)),
            message=message,
        )
        return Durable(Receipt(txid, number), decision, at)

    def _check(self) -> None:
        (verdict,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise _Newer(version)
        with self._storage.transaction(forced=True) as run:
            for statement in _SCHEMA.split(";"):
                run(statement)
            run(f"PRAGMA user_version = {SCHEMA_VERSION}")
        low, high, count = self._connection.execute(
            "SELECT min(generation), max(generation), count(*) FROM decisions"
        ).fetchone()
        if count and high - low + 1 != count:
            raise Unfit("generations are missing")
        self.last()
        self.unconfirmed()
        self._check_mark()

    def _check_mark(self) -> None:
        found = self._connection.execute("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
        epoch, generation = found[0] if found else 0, self._last_generation()
        marked_epoch, marked_generation = self._storage.marked()
        if epoch < marked_epoch or generation < marked_generation:
            raise Unfit(
                f"it ends with generation {generation} in epoch {epoch}, and generation "
                f"{marked_generation} in epoch {marked_epoch} had been reached; to go on without "
                "what is missing, remove the file `reached` beside it"
            )

    def _last_generation(self) -> int:
        row = self._connection.execute("SELECT max(generation) FROM decisions").fetchone()
        return int(row[0] or 0)

    def _next_life(self) -> tuple[str, int]:
        """The ledger's identity, made at its first opening, and the epoch of this one."""
        with self._storage.transaction(forced=True) as run:
            found = run("SELECT id FROM identity").fetchone()
            identity = found[0] if found else self._token(_IDENTITY_BYTES)
            if found is None:
                run("INSERT INTO identity VALUES (?)", (identity,))
            run(
                "INSERT INTO meta VALUES ('epoch', 1)"
                " ON CONFLICT (name) DO UPDATE SET value = value + 1"
            )
            (epoch,) = run("SELECT value FROM meta WHERE name = 'epoch'").fetchone()
        return str(identity), int(epoch)


def _who_text(who: Who) -> str:
    return json.dumps({"uid": who.uid, "pid": who.pid, "command": who.command})


class _Newer(ValueError):
    """The ledger was written by a later version of this program."""

    def __init__(self, version: int) -> None:
        super().__init__(
            f"its schema is version {version}, and this program knows version "
            f"{SCHEMA_VERSION} and older"
        )


def _way_out(path: str, error: Exception) -> str:
    said = f"the ledger {path} cannot be used: {error}. Nothing was changed."
    if isinstance(error, _Newer):
        return f"{said} Start the newer version of this program that wrote it."
    if _disk_is_full(error):
        return f"{said} Its disk is full: make room, and start again."
    if _disk_failed(error):
        return (
            f"{said} Its disk failed: see the kernel's log; start again when the disk is well, or "
            "restore the ledger from a backup to another."
        )
    return (
        f"{said} Restore it from a backup, or move it away (with its -wal and -shm files) to start "
        "afresh from the configuration files."
    )


def _disk_is_full(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    name = str(getattr(error, "sqlite_errorname", ""))
    # What does not fit is a failed write; of the -shm file, which is mapped, a failed ftruncate(2)
    return name in ("SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE")


def _disk_failed(error: Exception) -> bool:
    if isinstance(error, OSError):
        return error.errno == errno.EIO
    return str(getattr(error, "sqlite_errorname", "")).startswith("SQLITE_IOERR")
