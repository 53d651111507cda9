# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the api needs of the broker that it serves: one interface, and nothing behind it."""

from typing import Protocol

from coordinator.core.decisions import Attempt
from coordinator.core.events import Event
from coordinator.core.machine import Coordinator
from coordinator.files.provenance import ProvenanceStore
from coordinator.ledger.interface import History
from coordinator.observation.observer import Observer
from coordinator.runtime.log import Log
from coordinator.runtime.worker import Worker
from coordinator.startup_modules import Modules
from coordinator.transport.traced import TracedTransport
from protocol.reasons import Reason


class BrokerHandle(Protocol):
    """A running broker, as those who serve its clients see it."""

    attributes: dict[str, str]
    log: Log
    refused_start: tuple[Reason, ...]
    """Why the files were refused at the start, each with its place, which takes too long to find in
    the loop.  Whether that still counts is the machine's word (`machine.refused_start`)."""
    absent: tuple[str, ...]
    """Who had a say in the last generation when this broker started, and did not come up again."""
    forgets: bool
    """Whether its ledger goes with it, and its run directory stays."""

    trace: TracedTransport
    """Through which all messages of participants pass."""

    @property
    def machine(self) -> Coordinator:
        """To be read only; `feed` is the way in."""

    @property
    def history(self) -> History:
        """The ledger's past; to be used in `history_worker` alone."""

    @property
    def observer(self) -> Observer:
        """Who sees what happens, and keeps it for those who watch."""

    @property
    def provenance(self) -> ProvenanceStore:
        """Where the keys of configurations were written."""

    @property
    def file_worker(self) -> Worker:
        """The thread that reads and merges files."""

    @property
    def history_worker(self) -> Worker:
        """The thread that looks at the ledger's past and at files for readers."""

    def next_modules(self) -> Modules:
        """What a start now would bring up; to be used in `history_worker` alone.

        Raises Unreadable.
        """

    def feed(self, event: Event) -> None:
        """Give the machine an event."""

    def record_attempt(self, attempt: Attempt) -> None:
        """Write a refused attempt into the history."""

    def record_warnings(self, generation: int, warnings: tuple[Reason, ...]) -> None:
        """Write all that was said of a generation that was committed into the history."""

    def resolve(self, name: str) -> str:
        """The module file or bundled name behind what a user typed.  Raises LookupError."""
