# SPDX-License-Identifier: LGPL-3.0-or-later
"""`python -m tests.chaos.power.writer STATEDIR SEED STEPS [PLANT [MOMENT]]`: one life of a ledger.

Does what a broker does with its ledger, in an order that the seed tells, and writes into the
journal what it asks for before it does, and what a client could be told after it has.  It ends as
a broker does that the ledger leaves in doubt.  PLANT is a bug, so that the judge can be tried; the
disk fails during the third MOMENT ("decide" or "tidy").
"""

import os
import random
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from coordinator.core.decisions import Attempt, Decision
from coordinator.core.requests import Who
from coordinator.ledger import sqlite_log, sqlite_storage
from coordinator.ledger.errors import LedgerError, NotWritten, Uncertain
from coordinator.ledger.sqlite import SqliteLedger
from coordinator.ledger.sqlite_storage import SqliteFile, SqliteTransaction
from protocol.configuration import Configuration
from tests.chaos.power import journal

HISTORY = 12
IN_DOUBT, UNUSABLE = 3, 4
"""How it ends where nobody knows what is on the disk, and where the ledger cannot be opened."""

_WHO = Who(1, 2, "flux config reload")


def main(arguments: list[str]) -> int:
    """Live once."""
    statedir, seed, steps, plant, moment, *_ = [*arguments, "", ""]
    if plant:
        PLANTS[plant]()
    try:
        ledger = SqliteLedger.open(statedir, history=HISTORY)
    except LedgerError as error:
        print(error)
        return UNUSABLE
    _note(told="life", identity=ledger.identity, epoch=ledger.epoch)
    try:
        _Life(ledger, random.Random(int(seed)), moment).live(int(steps))
    except Uncertain:
        os._exit(IN_DOUBT)  # nothing is tidied by whoever is in doubt
    ledger.close()
    return 0


def _note(**note: object) -> None:
    journal.write_note(os.environ["POWER_JOURNAL"], **note)


class _Life:
    def __init__(self, ledger: SqliteLedger, chance: random.Random, moment: str) -> None:
        self._ledger, self._chance, self._moment = ledger, chance, moment
        self._moments = 0

    def live(self, steps: int) -> None:
        for _ in range(steps):
            what = self._chance.random()
            if what < 0.5:
                self._decide()
            elif what < 0.6:
                self._settle()
            else:
                self._record()

    @contextmanager
    def _moment_of(self, moment: str) -> Iterator[None]:
        self._moments += moment == self._moment
        if moment != self._moment or self._moments != 3:
            yield
            return
        failing = Path(os.environ["POWER_FAIL_FILE"])
        failing.touch()
        try:
            yield
        finally:
            failing.unlink()

    def _decide(self) -> None:
        ledger, chance = self._ledger, self._chance
        last = ledger.last()
        generation = 1 if last is None else last.receipt.generation + 1
        size = chance.choice((10, 10, 3_000, 30_000))
        content = {"n": chance.getrandbits(60), "ballast": "x" * size}
        confirm = 1000.0 if generation > 1 and chance.random() < 0.3 else None
        decision = Decision(generation, f"{ledger.life}.{generation}.{content['n']}", ledger.epoch,
                            Configuration.of(content), None, ("a", "b"), "reload", _WHO, "why",
                            confirm)  # fmt: skip
        digest = decision.configuration.digest
        _note(asked="force", generation=generation, digest=digest)
        try:
            with self._moment_of("decide"):
                ledger.force(decision)
        except NotWritten:
            _note(told="not written", generation=generation, digest=digest)
            return
        _note(told="force", generation=generation, digest=digest, trial=confirm is not None)
        if ledger.wants_maintenance or chance.random() < 0.1:
            _may_fail(ledger.maintain)

    def _settle(self) -> None:
        waiting = self._ledger.unconfirmed()
        if waiting is None:
            return
        generation, _, _ = waiting
        if self._chance.random() < 0.6:
            _note(asked="confirm", generation=generation)
            self._ledger.confirm(generation)
            _note(told="confirm", generation=generation)
        else:
            self._ledger.extend(generation, 5000.0)
            _note(told="extend", generation=generation)

    def _record(self) -> None:
        ledger, chance = self._ledger, self._chance
        attempt = Attempt("t", 1, "d", "reload", _WHO, "m" * chance.choice((1, 6000)), ())
        _may_fail(chance.choice((
            lambda: ledger.record_attempt(attempt),
            lambda: ledger.record_attached("y", chance.random() < 0.5),
            lambda: ledger.record_voter("m", chance.random() < 0.5),
        )))  # fmt: skip
        if chance.random() < 0.2:
            with self._moment_of("tidy"):
                _may_fail(ledger.maintain)


def _may_fail(write: Callable[[], None]) -> None:
    """What a broker warns of, and goes on."""
    try:
        write()
    except (sqlite3.Error, NotWritten) as error:
        _note(warned=str(error))


# Bugs, so that the judge can be tried


def _level(level: str) -> Callable[[], None]:
    def plant() -> None:
        def transaction(self: SqliteFile, forced: bool) -> SqliteTransaction:
            assert self._connection is not None
            self._connection.execute(f"PRAGMA synchronous = {level}")
            return SqliteTransaction(self._connection, self._check_in_place)

        SqliteFile.transaction = transaction  # type: ignore[method-assign]

    return plant


def _mark_ahead() -> None:
    force = SqliteLedger.force

    def ahead(self: SqliteLedger, decision: Decision) -> object:
        self._storage.mark(self.epoch, decision.generation)
        return force(self, decision)

    SqliteLedger.force = ahead  # type: ignore[assignment,method-assign]


def _trusts_the_cache() -> None:
    sqlite_log.write_again = lambda path: None


def _forgets_the_failure() -> None:
    SqliteFile._settle_doubt = lambda self, connection: None  # type: ignore[method-assign]


def _names_not_synced() -> None:
    sqlite_storage._sync_directory = lambda path: None


PLANTS: dict[str, Callable[[], None]] = {
    "synchronous OFF": _level("OFF"),
    "synchronous NORMAL": _level("NORMAL"),
    "mark ahead": _mark_ahead,
    "trusts the cache": _trusts_the_cache,
    "forgets the failure": _forgets_the_failure,
    "names not synced": _names_not_synced,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
