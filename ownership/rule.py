# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who besides root and the user of this process may write to one file or directory.

The rule is that of sshd(8) for authorized_keys (StrictModes), with Debian's exception for a group
that has its owner as its only member (umask 002 makes everything writable by that).
"""

import grp
import os
import pwd
import stat
from typing import NamedTuple


class Stranger(NamedTuple):
    """Somebody else who could change what is at `place`."""

    place: str
    what: str
    """What makes that so, to follow the name of the place."""
    remedy: str
    replaceable: str = ""
    """What is in that directory, and could be replaced by another; empty if `place` is meant."""

    @property
    def told(self) -> str:
        """The whole of it, in words, without the remedy."""
        so_that = f", and {self.replaceable} can be replaced in it" if self.replaceable else ""
        return f"{self.place} {self.what}{so_that}"


def is_trusted(uid: int, also: int | None = None) -> bool:
    """Whether this is root, the user of this process, or `also`."""
    return uid in (0, os.geteuid(), also)


def owned_by(place: str, uid: int) -> Stranger:
    """The stranger to whom `place` belongs."""
    user = os.geteuid()
    remedy = f"have it belong to {f'uid {user} or ' if user else ''}root"
    return Stranger(place, f"belongs to uid {uid}", remedy)


def stranger(place: str, status: os.stat_result, also: int | None = None) -> Stranger | None:
    """Who else could change what is at `place`, which has this status; None for nobody.

    `also` is one more user who is trusted.
    """
    if not is_trusted(status.st_uid, also):
        return owned_by(place, status.st_uid)
    if status.st_mode & stat.S_IWOTH:
        return Stranger(place, "can be written by everybody", f"`chmod o-w {place}`")
    if status.st_mode & stat.S_IWGRP and not _is_private(status.st_uid, status.st_gid):
        group = _group_name(status.st_gid)
        return Stranger(place, f"can be written by the group {group}", f"`chmod g-w {place}`")
    return None


def _is_private(owner: int, group: int) -> bool:
    """Returns True if nobody but root and the owner is in the group."""
    try:
        user, theirs = pwd.getpwuid(owner), grp.getgrgid(group)
    except KeyError:
        return False
    strangers = set(theirs.gr_mem) - {user.pw_name, "root"}
    return user.pw_gid == group and user.pw_name == theirs.gr_name and not strangers


def _group_name(group: int) -> str:
    try:
        return grp.getgrgid(group).gr_name
    except KeyError:
        return str(group)
