# SPDX-License-Identifier: LGPL-3.0-or-later
"""P9: the broker's own configuration is that of the last committed generation, always.

Committed is what is on disk and acknowledged: between the write and the news of it the one before
is still shown, and never anything else.  A broker whose ledger another has taken over is no longer
the broker; what it still shows must have been committed once.
"""

from typing import TYPE_CHECKING

from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_broker import SimulatedBroker


class Shown(Promise):
    name = "P9"

    def thought(self, broker: "SimulatedBroker") -> None:
        running, truth = broker.machine.running, broker.book.decisions
        shown = running.generation if running else 0
        last = len(truth)
        if broker is self.world.broker and shown != last:
            waiting = broker.ledger.unacknowledged
            if not (waiting and shown == last - 1):
                raise self.broken(f"{broker} shows generation {shown}; the last is {last}")
        if running is not None:
            held = truth.get(shown)
            if held is None or held.configuration.digest != running.configuration.digest:
                raise self.broken(f"{broker} shows a generation {shown} that no ledger holds")
