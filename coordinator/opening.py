# SPDX-License-Identifier: LGPL-3.0-or-later
"""A new life of the machine, on what a ledger holds of those before."""

from typing import TypeVar

from coordinator.core.decisions import Unconfirmed
from coordinator.core.machine import Coordinator
from coordinator.ledger.interface import Ledger

Machine = TypeVar("Machine", bound=Coordinator)


def open_machine(
    ledger: Ledger, now: float, kind: type[Machine], undo_failures: bool = False
) -> Machine:
    """The machine as it goes on from what the ledger holds; `now` is by the machine's clock.

    `undo_failures`: a change that a member cannot apply is undone.
    """
    found = ledger.unconfirmed()
    unconfirmed = None
    if found is not None:
        generation, before, seconds = found
        unconfirmed = Unconfirmed(generation, before, now + seconds)
    return kind(
        ledger.epoch,
        ledger.last(),
        ledger.receipts(),
        unconfirmed,
        ledger=ledger.identity,
        life=ledger.life,
        undo_failures=undo_failures,
        provisional=ledger.provisional(),
    )
