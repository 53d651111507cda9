# SPDX-License-Identifier: LGPL-3.0-or-later
"""Whom an action concerns: its number, taken among those who are there when its time comes."""

from collections.abc import Sequence
from typing import TypeVar

from tests.simulation.schedule import Action
from tests.simulation.simulated_process import SimulatedProcess
from tests.simulation.world import World

T = TypeVar("T")


def pick(choices: Sequence[T], action: Action) -> T | None:
    """One of them, if there is any."""
    return choices[action.which % len(choices)] if choices else None


def member(world: World, action: Action) -> str | None:
    """The name of a participant that the broker knows."""
    if world.broker is None:
        return None
    found = pick(list(world.broker.machine.members), action)
    return None if found is None else found.name


def living(world: World) -> list[SimulatedProcess]:
    """All processes that have not ended."""
    return [host for host in world.processes.values() if host.alive]


def attached(world: World) -> list[SimulatedProcess]:
    """Those that no broker has started."""
    return [host for host in living(world) if host.parent is None]
