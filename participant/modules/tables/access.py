# SPDX-License-Identifier: LGPL-3.0-or-later
"""The table `access`: flux-config-access(5).

connector-local answers for all of it; job-manager and job-list read one key and answer for that.
"""

from participant.modules.tables.base import LaxTable, StrictTable
from participant.settings.field import Field


class GuestAccess(LaxTable):
    """What job-manager and job-list read of `access`."""

    private_mode: bool = Field(False, description="guests see no jobs but their own")


class Role(StrictTable):
    """Who has a role."""

    users: list[str] = Field(default_factory=list, description="names of users; unknown ones pass")
    groups: list[str] = Field(default_factory=list, description="names of groups")


class Roles(StrictTable):
    """The roles that users other than the owner may have."""

    admin: Role | None = Field(None, description="who may do what else only the owner may")


class Access(GuestAccess):
    """The table `access`."""

    model_config = StrictTable.model_config

    allow_guest_user: bool = Field(False, description="users other than the owner may connect")
    allow_root_owner: bool = Field(False, description="root is treated as the owner")
    roles: Roles = Field(default_factory=Roles, description="roles of other users")
