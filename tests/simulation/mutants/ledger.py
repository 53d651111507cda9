# SPDX-License-Identifier: LGPL-3.0-or-later
"""Bugs of the production's ledger."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from coordinator.ledger.sqlite import SqliteLedger
from coordinator.ledger.sqlite_storage import Execute
from tests.simulation.mutants.patch import Mutant, Patch

Method = Callable[..., Any]
Writing = AbstractContextManager[Execute]


def _answers_before_the_disk(right: Method) -> Method:
    def _writing(self: SqliteLedger, forced: bool) -> Writing:
        writing: Writing = right(self, forced=False)
        return writing

    return _writing


def _is_no_fence(right: Method) -> Method:
    def _writing(self: SqliteLedger, forced: bool) -> Writing:
        return self._storage.transaction(forced)

    return _writing


def _forgets_the_last(right: Method) -> Method:
    def _next_life(self: SqliteLedger) -> tuple[str, int]:
        with self._storage.transaction(forced=True) as run:
            run("DELETE FROM decisions WHERE generation = (SELECT max(generation) FROM decisions)"
                " AND generation > 1")  # fmt: skip
        life: tuple[str, int] = right(self)
        return life

    return _next_life


def _epoch_is_not_kept(right: Method) -> Method:
    def _next_life(self: SqliteLedger) -> tuple[str, int]:
        identity, epoch = right(self)
        if epoch > 1:
            with self._storage.transaction(forced=True) as run:
                run("UPDATE meta SET value = 1 WHERE name = 'epoch'")
        return identity, 1

    return _next_life


LEDGER: dict[str, Mutant] = {
    "answer-before-disk": Mutant(
        "the ledger answers when the decision is in the cache",
        (Patch(SqliteLedger, "_writing", _answers_before_the_disk),),
    ),
    "fence-down": Mutant(
        "a coordinator that was thought dead still writes",
        (Patch(SqliteLedger, "_writing", _is_no_fence),),
    ),
    "generation-reused": Mutant(
        "a generation is given again after a crash",
        (Patch(SqliteLedger, "_next_life", _forgets_the_last),),
    ),
    "epoch-reused": Mutant(
        "a new life has the epoch of the one before",
        (Patch(SqliteLedger, "_next_life", _epoch_is_not_kept),),
    ),
}
