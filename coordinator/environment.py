# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the executor works with: all that is outside of the machine, each behind its interface."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from coordinator.core.results import Outcome
from coordinator.files.proposal import Files
from coordinator.files.provenance import ProvenanceStore
from coordinator.ledger.interface import History, Ledger
from coordinator.observation.observer import Observer
from coordinator.processes.interface import Supervisor
from coordinator.runtime.loop import Timers
from coordinator.runtime.worker import Workers
from coordinator.transport.interface import Transport
from protocol.reasons import Reason

Hook = Callable[[str, object], None]
"""Called with "before" or "after" and each effect or decision; the chaos tests' way in."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Everything outside of the machine; made once, by whoever composes a broker."""

    ledger: Ledger
    history: History
    transport: Transport
    supervisor: Supervisor
    timers: Timers
    workers: Workers
    provenance: ProvenanceStore
    files: Files | None
    """None where the broker was started without a configuration path."""
    observer: Observer
    """The log, too: it takes note of what goes into it."""


class Owner(Protocol):
    """What the executor asks of the broker that it works for."""

    def answer(self, client: int, answer: Outcome | dict[str, Any]) -> None:
        """Bring the client its answer; the client may be gone."""

    def stepped(self) -> None:
        """The machine has made a step, and its effects are carried out."""

    def ready(self, refused: tuple[Reason, ...], warnings: tuple[Reason, ...]) -> None:
        """The start is complete; `refused`: why not with the files.  Each with its place."""

    def end(self, status: int, reasons: tuple[Reason, ...]) -> None:
        """Leave the loop after this; call `close`."""
