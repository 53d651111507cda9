# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a ledger must hold after a power cut: all that was told, and nothing unasked for."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coordinator.ledger.errors import LedgerError
from coordinator.ledger.sqlite import SqliteLedger
from protocol.configuration import Unfit
from tests.chaos.power.journal import Disk, Record, Style
from tests.chaos.power.writer import HISTORY


@dataclass(slots=True)
class Told:
    """What clients and participants may have heard up to a moment, from the notes of a writer."""

    identity: str = ""
    epoch: int = 0
    digests: dict[int, str] = field(default_factory=dict)
    asked: set[tuple[int, str]] = field(default_factory=set)
    refused: set[tuple[int, str]] = field(default_factory=set)
    settled: dict[int, str] = field(default_factory=dict)

    def hear(self, note: dict[str, Any]) -> list[str]:
        """One note; what is wrong about it."""
        if note.get("told") == "life":
            known, self.identity = self.identity or note["identity"], note["identity"]
            before, self.epoch = self.epoch, note["epoch"]
            found = [] if known == self.identity else ["the ledger is another"]
            return found + ([] if self.epoch > before else [f"epoch {self.epoch} is used twice"])
        if "generation" in note:
            generation, digest = note["generation"], note.get("digest", "")
            match note.get("told"):
                case None if note["asked"] == "confirm":
                    self.settled.pop(generation, None)  # it may be so before it is told
                case None:
                    self.asked.add((generation, digest))
                case "force":
                    self.digests[generation] = digest
                case "not written":
                    self.refused.add((generation, digest))
                case settled:
                    self.settled[generation] = str(settled)
        return []

    def judge(self, directory: Path) -> list[str]:
        """What is wrong with the ledger that a new broker finds there."""
        try:
            ledger = SqliteLedger.open(str(directory), history=HISTORY)
        except LedgerError as error:
            return [f"it cannot be opened: {error}"]
        try:
            return self._judge(ledger)
        except Unfit as error:
            return [f"was told, and is torn: {error}"]
        finally:
            ledger.close()

    def _judge(self, ledger: SqliteLedger) -> list[str]:
        found = []
        if self.identity and ledger.identity != self.identity:
            found.append("it is another ledger")
        if ledger.epoch <= self.epoch:
            found.append(f"epoch {ledger.epoch} comes again, after {self.epoch}")
        last = ledger.last()
        newest = 0 if last is None else last.generation
        if newest < max(self.digests, default=0):
            found.append(f"generation {max(self.digests)} was told, and {newest} is the last")
        for generation in range(max(1, newest - HISTORY + 1), newest + 1):
            try:
                kept = ledger.generation(generation)
            except Unfit as error:
                found.append(f"was told, and is torn: {error}")
                continue
            digest = "" if kept is None else kept.configuration.digest
            if self.digests.get(generation, digest) != digest:
                found.append(f"generation {generation} is not the one that was told")
            if (generation, digest) in self.refused:
                found.append(f"generation {generation} was told as not written")
            if (generation, digest) not in self.asked:
                found.append(f"nobody asked for generation {generation} as it is")
        waiting = ledger.unconfirmed()
        settled = self.settled.get(newest)
        if settled == "confirm" and waiting is not None:
            found.append(f"generation {newest} was told as confirmed, and is not")
        if settled == "extend" and (waiting is None or waiting[2] < 3000):
            found.append(f"generation {newest} was told as extended, and is not")
        return found


def cuts(
    disk: Disk,
    records: Iterable[Record],
    into: Path,
    chance: random.Random,
    styles: tuple[Style, ...],
    likely: float,
) -> tuple[int, list[str]]:
    """Cut the power after records, each with this probability; how often, and what was wrong."""
    told, count, found = Told(), 0, list[str]()
    for number, record in enumerate(records):
        disk.happens(record)
        if record.kind == "N":
            found += told.hear(record.note())
        if chance.random() < likely:
            style = chance.choice(styles)
            disk.cut(into, style, chance)
            count += 1
            found += [f"after record {number}, {style}: {what}" for what in told.judge(into)]
    return count, found
