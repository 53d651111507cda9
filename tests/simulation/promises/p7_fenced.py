# SPDX-License-Identifier: LGPL-3.0-or-later
"""P7: a lower epoch of the same ledger never changes a participant, and another ledger only once it
has admitted it, or sent it away, in answer to the Join on this very connection.

Judged by what the participant was told and what it did, not by the epoch and the ledger that it
believes to obey.  A Refuse may tell it to go away, whoever says it: it commands nothing, and one
whose ledger is not the one that the participant knows must be able to say so.  The other side of it
is looked at, too: no coordinator decides for somebody who obeys another ledger.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from participant.core.effects import Effect, Quit
from protocol.messages import (
    Abort,
    Admit,
    Commit,
    FromCoordinator,
    FromParticipant,
    Join,
    Prepare,
    Refuse,
    Shutdown,
)
from tests.simulation.promises.base import Promise

if TYPE_CHECKING:
    from tests.simulation.simulated_process import SimulatedProcess
    from tests.simulation.world import World


@dataclass(slots=True)
class Fence:
    """Whom one incarnation has to obey."""

    ledger: str = ""
    epoch: int = 0
    session: str = ""
    """Of its last Join."""
    joined_on: object = None
    """The connection on which that was said."""


class Fenced(Promise):
    name = "P7"

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self.fences = world.fences

    def _fence(self, host: "SimulatedProcess") -> Fence:
        return self.fences.setdefault(host.machine.incarnation, Fence())

    def spoke(self, host: "SimulatedProcess", message: FromParticipant) -> None:
        if isinstance(message, Join):
            fence = self._fence(host)
            fence.session, fence.joined_on = message.session, host.connection

    def told(
        self,
        host: "SimulatedProcess",
        message: FromCoordinator,
        effects: tuple[Effect, ...],
    ) -> None:
        fence = self._fence(host)
        if isinstance(message, Refuse):
            self._nothing_is_done(host, message, effects, Quit)
            return
        answers = isinstance(message, Admit | Shutdown) and message.session == fence.session
        if fence.ledger in ("", message.ledger):
            may = (answers or not isinstance(message, Admit)) and message.epoch >= fence.epoch
        else:
            may = answers
            decides = isinstance(message, Abort | Commit | Prepare)
            if decides and not host.is_from_the_past and not self.world.is_liar(host.name):
                raise self.broken(
                    f"{host} obeys another ledger, and is sent {type(message).__name__}"
                )
        if not may:
            self._nothing_is_done(host, message, effects)
        elif host.connection is not None and fence.joined_on is host.connection:
            fence.ledger, fence.epoch = message.ledger, message.epoch

    def _nothing_is_done(
        self,
        host: "SimulatedProcess",
        message: FromCoordinator,
        effects: tuple[Effect, ...],
        allowed: type[Quit] | None = None,
    ) -> None:
        if any(allowed is None or not isinstance(one, allowed) for one in effects):
            raise self.broken(
                f"{host} obeys {type(message).__name__} of epoch {message.epoch} of {host.speaker}"
            )
