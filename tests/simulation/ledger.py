# SPDX-License-Identifier: LGPL-3.0-or-later
"""The ledger on the simulated disk.

Why not the production's `SqliteLedger` in every run: opening it and forcing through it
would take most of a run's time.  This one has the same interface and the same rules (the epoch is
forced before it is used, generations follow one another, everything but decisions may be lost), and
`sqlite_store` puts the real one, on real files that are cut at a crash, under the same worlds.
One rule is added: a coordinator that is no longer the last cannot write.  SQLite's ledger has
flock(2) for that, which a second life cannot get past; a ledger kept elsewhere has the epoch.
"""

import random
from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol

import msgpack

from coordinator.core.decisions import Attempt, Decision, Durable, Receipt
from coordinator.ledger.errors import NotWritten, Uncertain
from protocol.configuration import Configuration
from tests.simulation.disk import Disk


class Mishap(Enum):
    """What the next forced write comes to."""

    REFUSED = "the disk is full"
    UNCERTAIN = "fsync failed"


class AnyLedger(Protocol):
    """What a broker does with a ledger, the simulated one or the real one."""

    identity: str
    epoch: int
    life: str

    def force(self, decision: Decision) -> Durable: ...
    def last(self) -> Durable | None: ...
    def generation(self, number: int) -> Durable | None: ...
    def confirm(self, generation: int) -> None: ...
    def unconfirmed(self) -> tuple[int, Configuration, float] | None: ...
    def receipts(self) -> dict[str, Receipt]: ...
    def attached(self) -> tuple[str, ...]: ...
    def record_files(self, generation: int, digest: str) -> None: ...
    def record_attached(self, name: str, present: bool) -> None: ...
    def record_attempt(self, attempt: Attempt) -> None: ...


class Store(Protocol):
    """Where ledgers come from, life after life."""

    mishap: Mishap | None
    clock: Callable[[], float]

    def open(self) -> AnyLedger:
        """The ledger as a new life finds it."""

    def interrupt(self, ledger: AnyLedger, decision: Decision) -> None:
        """A crash comes in the middle of forcing `decision`."""

    def crash(self, ledger: AnyLedger, chance: random.Random) -> None:
        """The process that used `ledger` is gone, and what it had not forced may be, too."""

    def dispose(self) -> None:
        """The world ends."""


class SimulatedLedger:
    """What the production's ledger is to the broker, in memory and on a simulated disk."""

    def __init__(self, disk: Disk, store: "MemoryStore") -> None:
        self._disk = disk
        self._store = store
        self._decisions: dict[int, Durable] = {}
        self._attached: dict[str, None] = {}
        self._undone_at: tuple[int, float] | None = None
        self.epoch = 0
        self.identity, self.life = store.identity, ""
        for record in disk.records():
            self._replay(*msgpack.unpackb(record, raw=False))
        self._start_epoch()

    def _start_epoch(self) -> None:
        self.epoch += 1
        self._disk.owner = self.epoch
        self._write("epoch", self.epoch)
        self._disk.force()

    def force(self, decision: Decision) -> Durable:
        """As in production: on disk when it returns, NotWritten or Uncertain otherwise."""
        mishap, self._store.mishap = self._store.mishap, None
        if mishap is Mishap.REFUSED:
            raise NotWritten(mishap.value)
        self._follow(decision)
        self.put(decision)
        if mishap is Mishap.UNCERTAIN:
            raise Uncertain(mishap.value)
        self._disk.force()
        self._keep(decision, self._store.clock())
        return self._decisions[decision.generation]

    def confirm(self, generation: int) -> None:
        """Forced, as a decision is."""
        mishap, self._store.mishap = self._store.mishap, None
        if mishap is Mishap.REFUSED:
            raise NotWritten(mishap.value)
        self._write("confirm", generation)
        if mishap is Mishap.UNCERTAIN:
            raise Uncertain(mishap.value)
        self._disk.force()
        self._undone_at = None

    def unconfirmed(self) -> tuple[int, Configuration, float] | None:
        if self._undone_at is None:
            return None
        generation, at = self._undone_at
        before = self._decisions[generation - 1].configuration
        return generation, before, max(0.0, at - self._store.clock())

    def _keep(self, decision: Decision, at: float) -> None:
        receipt = Receipt(decision.txid, decision.generation)
        self._decisions[decision.generation] = Durable(receipt, decision, at)
        seconds = decision.confirm
        self._undone_at = None if seconds is None else (decision.generation, at + seconds)

    def _follow(self, decision: Decision) -> None:
        last = max(self._decisions, default=0)
        if decision.generation != last + 1:
            raise NotWritten(f"generation {decision.generation} does not follow {last}")

    def put(self, decision: Decision) -> None:
        """Into the cache; not durable yet."""
        self._write("decision", decision.generation, decision.txid, decision.epoch,
                    decision.configuration.encoded, decision.files, list(decision.members),
                    decision.verb, decision.confirm, self._store.clock())  # fmt: skip

    def last(self) -> Durable | None:
        return self.generation(max(self._decisions, default=0))

    def generation(self, number: int) -> Durable | None:
        return self._decisions.get(number)

    def receipts(self) -> dict[str, Receipt]:
        return {one.receipt.txid: one.receipt for one in self._decisions.values()}

    def attached(self) -> tuple[str, ...]:
        return tuple(sorted(self._attached))

    def record_files(self, generation: int, digest: str) -> None:
        self._write("files", generation, digest)

    def record_attached(self, name: str, present: bool) -> None:
        self._write("member", name, present)

    def record_attempt(self, attempt: Attempt) -> None:
        self._write("attempt", attempt.txid)

    def _write(self, *record: Any) -> None:
        if self._disk.owner != self.epoch:
            raise NotWritten(f"epoch {self._disk.owner} has taken over")
        self._disk.write(msgpack.packb(record))

    def _replay(self, kind: str, *fields: Any) -> None:
        match kind:
            case "epoch":
                self.epoch = fields[0]
            case "decision":
                number, txid, epoch, encoded, files, members, verb, confirm, at = fields
                decision = Decision(number, txid, epoch, Configuration.decode(encoded), files,
                                    tuple(members), verb, confirm=confirm)  # fmt: skip
                self._keep(decision, at)
            case "confirm":
                self._undone_at = None
            case "files":
                self._know_files(*fields)
            case "member":
                name, present = fields
                if present:
                    self._attached[name] = None
                else:
                    self._attached.pop(name, None)

    def _know_files(self, generation: int, digest: str) -> None:
        old = self._decisions[generation]
        self._decisions[generation] = old._replace(decision=old.decision._replace(files=digest))


class MemoryStore:
    """One simulated disk, and the ledgers that the lives of a broker open on it."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.identity = "first"
        self.mishap: Mishap | None = None
        self.clock: Callable[[], float] = float

    def open(self) -> SimulatedLedger:
        return SimulatedLedger(self.disk, self)

    def interrupt(self, ledger: AnyLedger, decision: Decision) -> None:
        assert isinstance(ledger, SimulatedLedger)
        if self.disk.owner == ledger.epoch:
            ledger.put(decision)

    def crash(self, ledger: AnyLedger, chance: random.Random) -> None:
        if self.disk.owner == ledger.epoch:
            self.disk.crash(chance)

    def dispose(self) -> None:
        """Nothing outside of memory."""
