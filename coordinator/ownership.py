# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who besides a user and root may write to a file, or put another in its place.

The rule is that of sshd(8) for authorized_keys (StrictModes), with Debian's exception for a group
that has its owner as its only member (umask 002 makes everything writable by that).
"""

import grp
import os
import pwd
import stat
from collections.abc import Iterator


def is_private_group(owner: int, group: int) -> bool:
    """Returns True if nobody but root and the owner is in the group (umask 002)."""
    try:
        user, theirs = pwd.getpwuid(owner), grp.getgrgid(group)
    except KeyError:
        return False
    strangers = set(theirs.gr_mem) - {user.pw_name, "root"}
    return user.pw_gid == group and user.pw_name == theirs.gr_name and not strangers


def other_writer(path: str) -> str:
    """Who else may change the file at `path`, in words; empty for nobody.

    It, its directory and all above must belong to root or to the user of this process, and nobody
    else may write there; above, a sticky directory (sticky(7), /tmp) is allowed, in which one
    cannot rename what is another's.
    """
    try:
        for place, sticky_will_do in _places(path):
            status = os.stat(place)
            if status.st_uid not in (0, os.geteuid()):
                return f"{place} belongs to uid {status.st_uid}"
            if sticky_will_do and status.st_mode & stat.S_ISVTX:
                continue
            by_group = status.st_mode & stat.S_IWGRP
            if by_group and not is_private_group(status.st_uid, status.st_gid):
                return f"{place} can be written by group {status.st_gid}"
            if status.st_mode & stat.S_IWOTH:
                return f"{place} can be written by everybody"
    except OSError as error:
        return f"{error.filename or path}: {error.strerror}"
    return ""


def _places(path: str) -> Iterator[tuple[str, bool]]:
    """The file, its directory, and all above, by its name and by where links lead; and whether a
    sticky bit will do there."""
    for place in dict.fromkeys((os.path.abspath(path), os.path.realpath(path))):
        yield place, False
        directory = os.path.dirname(place)
        yield directory, False
        while (parent := os.path.dirname(directory)) != directory:
            yield parent, True
            directory = parent
