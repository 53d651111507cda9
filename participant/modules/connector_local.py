# SPDX-License-Identifier: LGPL-3.0-or-later
"""The local connector: who may talk to the instance."""

from typing import Any

from participant.module import Module
from participant.modules.tables.access import Access


class ConnectorLocal(Module):
    """Lets users on this host connect, as far as `access` allows."""

    name = "connector-local"
    table = "access"

    class Config(Access):
        """The table `access`."""

    config: Config

    def stats(self) -> dict[str, Any]:
        """Who may connect; the broker's own socket is where they do."""
        admin = self.config.roles.admin
        return {
            "server": {"clients": [], "connects": 0},
            "allow_guest_user": self.config.allow_guest_user,
            "allow_root_owner": self.config.allow_root_owner,
            "admins": {"users": len(admin.users), "groups": len(admin.groups)} if admin else {},
        }
