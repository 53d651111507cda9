# SPDX-License-Identifier: LGPL-3.0-or-later
"""P6: what was committed survives the death of every process, within one history of one ledger.

Also what that rests on: no generation is used twice or skipped, and every life has an epoch of its
own, higher than all before it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.core.decisions import Decision
from tests.simulation.books import Book
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker
    from tests.simulation.world import World


@dataclass(slots=True)
class _Kept:
    """What a book must hold, by what has been seen of it."""

    ledger: str
    epoch: int
    generations: dict[int, tuple[str, str]]
    """Txid and digest by number."""


class Lasting(Promise):
    name = "P6"

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.books: dict[Book, _Kept] = {}

    def durable(self, book: Book, decision: Decision) -> None:
        kept, number = self._kept(book).generations, decision.generation
        if number in kept:
            raise self.broken(f"generation {number} is used again, for {decision.txid}")
        if number != len(kept) + 1:
            raise self.broken(f"generation {number} follows {len(kept)}")
        kept[number] = (decision.txid, decision.configuration.digest)

    def started(self, broker: "SimulatedBroker") -> None:
        book = self._kept(broker.book)
        if broker.machine.epoch <= book.epoch:
            raise self.broken(f"epoch {broker.machine.epoch} comes after {book.epoch}")
        book.epoch = broker.machine.epoch
        if book.ledger not in ("", broker.ledger.identity):
            raise self.broken(f"{broker} finds a ledger of another identity")
        book.ledger = broker.ledger.identity
        for number, kept in book.generations.items():
            found = broker.ledger.generation(number)
            if found is None:
                raise self.broken(f"generation {number} is gone after a restart")
            if (found.receipt.txid, found.configuration.digest) != kept:
                raise self.broken(f"generation {number} is another one after a restart")
        running = broker.machine.running
        if (running.generation if running else 0) != len(book.generations):
            raise self.broken(f"{broker} resumes something else than the last generation")

    def _kept(self, book: Book) -> _Kept:
        kept = self.books.get(book)
        if kept is None:  # a new one, or a copy, which holds what was copied
            generations = {
                number: (decision.txid, decision.configuration.digest)
                for number, decision in book.decisions.items()
            }
            kept = self.books[book] = _Kept(book.ledger, book.epoch, generations)
        return kept
