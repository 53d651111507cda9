# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is done to a world: a list of actions drawn from the seed, that can be made shorter.

An action happens a number of steps after the one before it, and perhaps some seconds later still;
so faults are dense where things happen, and long waits are possible.  An action names what it is
about by a number, which fits whatever is there when its time comes: any part of the list is a list
that can be performed.
"""

import random
from dataclasses import dataclass

from protocol import limits
from tests.simulation.world import Setting


@dataclass(frozen=True, slots=True)
class Action:
    """One thing done to the world."""

    steps: int
    seconds: float
    verb: str
    which: int
    """Whom it concerns, as an index into whatever there is to choose from."""
    amount: float
    """How long, how much."""
    names: tuple[str, ...] = ()
    """Who will reject a candidate."""

    def __str__(self) -> str:
        about = f" (rejected by {', '.join(self.names)})" if self.names else ""
        return f"{self.verb}{about}"


_WEIGHTS: dict[str, float] = {
    # what people do
    "change": 30, "burst": 6, "doubtful": 6, "dry run": 8, "set": 6, "edit": 6,
    "spoil files": 1, "reload": 8,
    "trial": 4, "poisoned": 4, "extend": 2, "confirm": 4, "roll back": 3, "hang up": 4,
    "stop broker": 2,
    "load": 8, "remove": 5, "module reload": 4, "configure": 8, "inquire": 3,
    "attach": 6, "attach again": 6, "leave": 2,
    # what happens to processes
    "crash broker": 4, "trip broker": 6, "take over": 2, "pause broker": 2,
    "another ledger": 3, "restore in doubt": 2,
    "kill": 5, "trip": 5, "pause": 5, "hang": 8, "break": 3, "cannot start": 1, "cannot load": 2,
    "lie": 6,
    # what happens to links and disks
    "cut": 8, "block": 3, "hold": 5, "stale": 6, "reopen": 2,
    "disk full": 2, "fsync fails": 2, "slow disk": 3, "slow files": 2,
}  # fmt: skip
_VERBS = list(_WEIGHTS)
_NO_TAKE_OVER = frozenset({"take over"})


def setting(chance: random.Random) -> Setting:
    """What kind of world it is."""
    total = chance.randint(1, 8)
    ours = chance.randint(0, total)
    modules = tuple(f"m{n}" for n in range(1, ours + 1))
    attached = tuple(f"a{n}" for n in range(1, total - ours + 1))
    concurrent = tuple(name for name in (*modules, *attached) if chance.random() < 0.4)
    delay = chance.choice((0.002, 0.02, 0.2))
    disk_time = chance.choice((0.002, 0.05, 0.5))
    slowness = chance.choice((0.01, 0.1, 2.0))
    # A small one must do, too: what waits for a participant that hangs is bounded.
    queue = chance.choice((limits.PROBES + 8, limits.FRAMES_QUEUED, limits.FRAMES_QUEUED))
    draw = chance.random()
    return Setting(
        modules,
        attached,
        concurrent,
        delay,
        disk_time,
        slowness,
        queue,
        files=draw < 0.8,
        undo_failures=int(1000 * draw) % 5 == 0,
    )


def actions(chance: random.Random, world: Setting, fenced: bool) -> list[Action]:
    """What is done to it.  `fenced`: its ledger can be taken over by another life."""
    names = (*world.modules, *world.attached)
    made = []
    for verb in chance.choices(_VERBS, _shares(chance), k=chance.randint(8, 40)):
        if verb in _NO_TAKE_OVER and not fenced:
            continue
        rejected_by: tuple[str, ...] = ()
        if chance.random() < 0.25:
            rejected_by = (chance.choice(names),)
        made.append(
            Action(
                steps=_gap(chance),
                seconds=0.0 if chance.random() < 0.7 else 3 * chance.random(),
                verb=verb,
                which=chance.randrange(1000),
                amount=chance.random(),
                names=rejected_by,
            )
        )
    return made


def _shares(chance: random.Random) -> list[float]:
    """How often each verb is drawn.

    In half of the worlds most of them are left out, so that the few that are left come together
    more often (Groce et al., "Swarm Testing", ISSTA 2012).
    """
    if chance.random() < 0.5:
        return list(_WEIGHTS.values())
    few = [share if chance.random() < 0.3 else 0.0 for share in _WEIGHTS.values()]
    return [_WEIGHTS["change"], *few[1:]]


def _gap(chance: random.Random) -> int:
    """Steps since the action before; half of them follow close on it."""
    return chance.randint(0, 4 if chance.random() < 0.5 else 25)
