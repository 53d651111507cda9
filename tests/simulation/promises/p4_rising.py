# SPDX-License-Identifier: LGPL-3.0-or-later
"""P4: a participant applies generations in rising order; what it skips, it skipped by joining.

In rising order within one history of one ledger, that is; of another, the first is an Admit.

The same generation may be taken again from an Admit (the abort of something newer was lost on the
way), with the same content.
"""

from typing import TYPE_CHECKING

from protocol.messages import Admit, Commit, Digest
from tests.simulation.books import Book
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_process import SimulatedProcess


class Rising(Promise):
    name = "P4"

    def applied(self, host: "SimulatedProcess", authority: Commit | Admit, digest: Digest) -> None:
        book = host.book_of(authority)
        before = max((number for of, number in host.applied if _share(of, book, number)), default=0)
        now = authority.generation
        if isinstance(authority, Admit):
            if now < before or (
                now == before and book.decisions[now].configuration.digest != digest
            ):
                raise self.broken(f"{host} goes from {before} to {now}")
        elif not before and host.applied:
            raise self.broken(f"{host} takes a Commit of {book}, which has not admitted it")
        elif now <= before or (before and now != before + 1):
            raise self.broken(f"{host} goes from {before} to {now} by a Commit")


def _share(one: Book, other: Book, number: int) -> bool:
    """Whether they are one history up to this generation: a copy holds what was copied."""
    return one is other or (
        number in one.decisions and one.decisions[number] is other.decisions.get(number)
    )
