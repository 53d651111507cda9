# SPDX-License-Identifier: LGPL-3.0-or-later
"""A disk for a coordinator's machine that forces at once and never fails."""

from coordinator.core.decisions import Durable, Receipt
from coordinator.core.effects import Effect
from coordinator.core.events import Event, Forced
from coordinator.core.machine import Coordinator


def forced(machine: Coordinator, now: float, event: Event) -> tuple[Effect, ...]:
    """The effects of `event`, and of the disk's answer where there is a decision to force."""
    step = machine.step(now, event)
    if step.force is None:
        return step.effects
    receipt = Receipt(step.force.txid, step.force.generation)
    return (*step.effects, *forced(machine, now, Forced(Durable(receipt, step.force, now))))
