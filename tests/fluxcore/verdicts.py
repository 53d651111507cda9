# SPDX-License-Identifier: LGPL-3.0-or-later
"""What must be true after a death in a Flux instance, whatever died and when.  Pure."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple


class Ended(NamedTuple):
    """How the command of a client ended; status None: it did not, within its deadline."""

    status: int | None
    text: str


class Evidence(NamedTuple):
    """What is seen when all is at rest again.  A configuration is told by the number in it."""

    before: int
    asked: int
    refused: bool
    """Whether a module refuses what is asked."""
    ended: Ended
    told: Sequence[int | None]
    """By rank: what `config.get` tells; None where it does not answer."""
    committed: Sequence[int]
    """What the ledger holds, oldest first."""
    ran: Sequence[Sequence[int]]
    """By rank: what its module was told to run, one after the other."""
    brokers: Sequence[bool]
    """By rank: whether the broker lives."""


_NOTHING_CHANGED = re.compile(r"nothing changed; generation \d+ stays in force")


def violations(seen: Evidence) -> list[str]:
    """Every promise that is broken."""
    return [*_of_ranks(seen), *_of_modules(seen), *_of_the_answer(seen)]


def _of_ranks(seen: Evidence) -> list[str]:
    found = [f"rank {rank}: its broker is dead"
             for rank, is_alive in enumerate(seen.brokers) if not is_alive]  # fmt: skip
    last = seen.committed[-1]
    found += [f"rank {rank}: config.get tells {told}, and {last} is in force"
              for rank, told in enumerate(seen.told) if told != last]  # fmt: skip
    if last not in (seen.before, seen.asked):
        found.append(f"{last} is in force, where {seen.before} was and {seen.asked} was asked for")
    if seen.refused and seen.asked in seen.committed:
        found.append(f"{seen.asked} is committed, and was refused")
    return found


def _of_modules(seen: Evidence) -> list[str]:
    found = []
    for rank, ran in enumerate(seen.ran):
        found += [f"rank {rank}: its module ran {number}, which is not in the ledger"
                  for number in ran if number not in seen.committed]  # fmt: skip
        places = [seen.committed.index(number) for number in ran if number in seen.committed]
        if places != sorted(places):
            found.append(f"rank {rank}: its module ran {list(ran)}, which goes back")
        if not ran or ran[-1] != seen.committed[-1]:
            found.append(f"rank {rank}: its module does not run {seen.committed[-1]}")
    return found


def _of_the_answer(seen: Evidence) -> list[str]:
    status, text = seen.ended
    is_committed = seen.asked in seen.committed
    if status is None:
        return ["the command hangs"]
    if status == 0 and not is_committed:
        return [f"the client was told that {seen.asked} is in force, and it is not in the ledger"]
    if _NOTHING_CHANGED.search(text) and is_committed:
        return [f"the client was told that nothing changed, and {seen.asked} is in the ledger"]
    if status != 0 and not text.strip():
        return ["the client was not told why"]
    return []


def number_in(configuration: Any) -> int | None:
    """The number by which a configuration is told."""
    number: int | None = configuration.get("voter", {}).get("n")
    return number
