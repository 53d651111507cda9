# SPDX-License-Identifier: LGPL-3.0-or-later
"""Bugs of a ledger; planted in the simulated one, whose rules are those of the real one."""

from collections.abc import Callable
from typing import Any

from coordinator.core.decisions import Decision, Durable
from tests.simulation.disk import Disk
from tests.simulation.ledger import SimulatedLedger
from tests.simulation.mutants.patch import Mutant, Patch

Method = Callable[..., Any]


def _answers_before_the_disk(right: Method) -> Method:
    def force(self: SimulatedLedger, decision: Decision) -> Durable:
        disk, self._disk = self._disk, _Unforced(self._disk)
        try:
            durable: Durable = right(self, decision)
        finally:
            self._disk = disk
        return durable

    return force


class _Unforced(Disk):
    """Writes, and says that it has forced."""

    def __init__(self, disk: Disk) -> None:
        self.write = disk.write  # type: ignore[method-assign]
        self.owner = disk.owner

    def force(self) -> None:
        """Nothing."""


def _forgets_the_last(right: Method) -> Method:
    def _replay(self: SimulatedLedger, kind: str, *fields: Any) -> None:
        right(self, kind, *fields)
        if kind == "epoch" and len(self._decisions) > 1:
            # A new life begins with what was known at the end of the one before the last.
            del self._decisions[max(self._decisions)]

    return _replay


def _epoch_is_not_kept(right: Method) -> Method:
    def _write(self: SimulatedLedger, *record: Any) -> None:
        if record[0] != "epoch" or self.epoch == 1:
            right(self, *record)

    return _write


LEDGER: dict[str, Mutant] = {
    "answer-before-disk": Mutant(
        "the ledger answers when the decision is in the cache",
        (Patch(SimulatedLedger, "force", _answers_before_the_disk),),
    ),
    "generation-reused": Mutant(
        "a generation is given again after a crash",
        (Patch(SimulatedLedger, "_replay", _forgets_the_last),),
    ),
    "epoch-reused": Mutant(
        "a new life has the epoch of the one before",
        (Patch(SimulatedLedger, "_write", _epoch_is_not_kept),),
    ),
}
