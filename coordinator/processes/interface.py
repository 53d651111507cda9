# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a broker needs of processes: children forked here today, Flux's modules some day.

A ticket is given to one start, or one watch, and to no other: a name may be started again while
the answer to its last start is still under way.  Nothing here waits: what became of a start, and
every end, is told as an event through `tell`, in the broker's loop.
"""

from collections.abc import Callable
from typing import Protocol

from coordinator.core.events import Died, Started
from coordinator.core.requests import Spec

Tell = Callable[[Started | Died], None]


class Supervisor(Protocol):
    """Starts modules, and notices the end of any participant's process."""

    def attach(self, tell: Tell) -> None:
        """From now on events are told to this one.  Called once, before anything else."""

    def start(self, name: str, spec: Spec, ticket: int) -> None:
        """Start a module; Started or Died is told with this ticket.

        Raises OSError where it cannot even be asked.
        """

    def watch(self, name: str, pid: int, ticket: int) -> None:
        """Tell by Died when this process, not ours, ends.  Raises OSError where it is gone."""

    def kill(self, ticket: int) -> None:
        """End the process of this start at once; Died is told.

        One that is still being started is ended when it is there; one that is gone is no error.
        """

    def collect(self) -> None:
        """Tell what has happened by now: before a module is heard, it is known to be started."""

    def close(self) -> None:
        """End every process of ours, and tell nothing any more."""


class Programs(Protocol):
    """Runs the program of `flux start`, on the broker's own terminal."""

    def run(
        self, command: list[str], environment: dict[str, str], ended: Callable[[int], None]
    ) -> None:
        """Start it; `ended` is called with its exit status, as a shell has it (128 + a signal).

        Raises OSError where it cannot be started.
        """

    def signal(self, number: int) -> None:
        """Send it this signal; nothing where none is running."""

    def child_ended(self) -> None:
        """To be called after SIGCHLD: children that nobody watches are reaped."""
