# SPDX-License-Identifier: LGPL-3.0-or-later
"""The world's own account of what is on disk, by ledger and by history.

A ledger has an identity.  A state directory that is restored from an older copy has the identity
of the one it was copied from, the same epochs and generations again, and another history from
there on: two histories of one ledger are two books.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from coordinator.core.decisions import Decision


@dataclass(slots=True, eq=False)
class Book:
    """What one history of one ledger holds."""

    number: int
    ledger: str = ""
    """Its identity; empty until it is opened for the first time."""
    epoch: int = 0
    """Of the last opening."""
    decisions: dict[int, Decision] = field(default_factory=dict)
    """What is on disk to stay, by generation."""

    def __str__(self) -> str:
        return f"ledger {self.number}"

    @property
    def last(self) -> int:
        """The number in force; 0 before the first."""
        return len(self.decisions)

    def copy(self, number: int) -> "Book":
        """The same up to here, and a history of its own from now on."""
        return replace(self, number=number, decisions=dict(self.decisions))


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of a state directory, and what it holds."""

    image: Any
    book: Book
