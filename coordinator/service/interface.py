# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a broker tells whoever supervises it: nothing today, systemd, or something else some day."""

from typing import NamedTuple, Protocol


class ServiceState(NamedTuple):
    """What a broker is to its service manager, at one moment."""

    ready: bool = False
    """A configuration is in force, and clients are let in."""
    reloads: int = 0
    """How many reloads have begun so far."""
    reloading: bool = False
    """Whether the last of them is in progress."""
    stopping: bool = False
    status: str = ""
    """One line for people."""


class ServiceManager(Protocol):
    """Whoever started the broker as a service."""

    @property
    def listens(self) -> bool:
        """False where it is no use to tell it anything."""

    def begin(self) -> None:
        """The loop is about to run: from now on the manager hears that it does."""

    def say(self, now: ServiceState) -> None:
        """The broker is in this state; what of it is news is told."""

    def close(self) -> None:
        """The broker ends: what waits to be told is told, or never."""


class NoManager:
    """Nobody supervises this broker."""

    listens = False

    def begin(self) -> None:
        """Nothing."""

    def say(self, now: ServiceState) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
