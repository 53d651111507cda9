# SPDX-License-Identifier: LGPL-3.0-or-later
"""A ledger whose clock has been set back, through the argument that the ledger has for it."""

import time
from functools import partial

import coordinator.broker
from coordinator.ledger.sqlite import SqliteLedger


def set_back(seconds: float) -> None:
    """From now on brokers of this process open ledgers that live this much in the past."""
    past = partial(SqliteLedger, clock=lambda: time.time() - seconds)
    vars(coordinator.broker)["SqliteLedger"] = past
