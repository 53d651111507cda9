# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who may come in, by the table `access` of the committed configuration.

The owner is whoever the broker runs as.  `access.allow-root-owner` makes root an owner, too;
`access.allow-guest-user` lets the others in to read.  Both are false by default, as in Flux
(flux-config-access(5)), and before any configuration is in force.  Only `true` opens: a value of
another type, which no loaded module has judged, does not.
"""

import os
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from coordinator.api.lookup import Lookup
from coordinator.core.decisions import Durable

DENIED = (
    "this broker lets in its owner only; access.allow-guest-user in its configuration "
    "would let other users read"
)


class ClientRole(StrEnum):
    """What a user is to this broker."""

    OWNER = "owner"
    """May read and change everything."""
    GUEST = "guest"
    """May read what is in force, but not what others typed."""
    STRANGER = "stranger"
    """Is not let in."""


class AccessRules:
    """Judges users by what is in force now."""

    def __init__(self, running: Callable[[], Durable | None], lookup: Lookup) -> None:
        self._running = running
        self._lookup = lookup

    def role_of(self, uid: int) -> ClientRole:
        """The role of a user id, as the kernel gives it (unix(7), SO_PEERCRED)."""
        if uid == os.geteuid():
            return (
                ClientRole.OWNER
            )  # without a look: most clients are, and a look may decode megabytes
        access = self._table()
        if uid == 0 and access.get("allow-root-owner") is True:
            return ClientRole.OWNER
        return ClientRole.GUEST if access.get("allow-guest-user") is True else ClientRole.STRANGER

    def _table(self) -> dict[str, Any]:
        running = self._running()
        if running is None:
            return {}
        try:
            table = self._lookup.at(running, ("access",))
        except KeyError:
            return {}
        return table if isinstance(table, dict) else {}
