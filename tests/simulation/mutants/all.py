# SPDX-License-Identifier: LGPL-3.0-or-later
"""Wrong variants of the production classes, to prove that the simulation would notice.

Each is a mistake that somebody could make, in one or two methods; `mutated` puts it in the place
of what is right for as long as a `with` block lasts.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.simulation.mutants.coordinator import COORDINATOR
from tests.simulation.mutants.ledger import LEDGER
from tests.simulation.mutants.observer import OBSERVER
from tests.simulation.mutants.participant import PARTICIPANT
from tests.simulation.mutants.patch import Mutant

MUTANTS: dict[str, Mutant] = {**COORDINATOR, **PARTICIPANT, **LEDGER, **OBSERVER}


@contextmanager
def mutated(name: str | None) -> Iterator[None]:
    """With this bug in the production classes; None: as they are."""
    with planted(MUTANTS[name] if name is not None else Mutant("", ())):
        yield


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """With this bug, which need not be one of those above."""
    patches = mutant.patches
    right = [vars(patch.owner)[patch.method] for patch in patches]
    for patch, method in zip(patches, right, strict=True):
        setattr(patch.owner, patch.method, patch.spoil(method))
    try:
        yield
    finally:
        for patch, method in reversed(list(zip(patches, right, strict=True))):
            setattr(patch.owner, patch.method, method)
