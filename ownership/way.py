# SPDX-License-Identifier: LGPL-3.0-or-later
"""All that decides what is found under a name: the directories on the way to it, and its links.

Whoever can write in one of them can put something else in the place of what is meant.  A sticky
directory (sticky(7), /tmp) will do on the way: one cannot rename or remove in it what is another's.
It will not do for the directory that a file is in, since others can put files beside it there.

`also` is one more user who is trusted, beside root and the user of this process.

A path is walked as path_resolution(7) says: `..` after a link is above where the link leads.
"""

import errno
import os
import stat
from collections.abc import Iterator
from typing import Final

from ownership.rule import Stranger, is_trusted, owned_by, stranger

_LINKS: Final = 40
"""As many links as Linux follows in one path."""


def stranger_on_the_way(path: str, also: int | None = None) -> Stranger | None:
    """Who else could replace what is at `path`; None for nobody.  Raises OSError."""
    for directory, name in _lookups(path):
        status = os.stat(directory)
        found = stranger(directory, status, also)
        if found is None:
            continue
        place = os.path.join(directory, name)
        if not status.st_mode & stat.S_ISVTX or not is_trusted(status.st_uid, also):
            return found._replace(replaceable=place)
        owner = os.lstat(place).st_uid
        if not is_trusted(owner, also):
            return owned_by(place, owner)
    return None


def stranger_to_file(path: str, also: int | None = None) -> Stranger | None:
    """Who else could change the file at `path`, or what is beside it; None for nobody.

    Where links lead to it, that goes for the directory of its name and for its own.
    Raises OSError.
    """
    real = os.path.realpath(path)
    beside = (os.path.dirname(real), os.path.realpath(os.path.dirname(path) or "."))
    for place in dict.fromkeys((real, *beside)):
        found = stranger(place, os.stat(place), also)
        if found is not None:
            return found
    return stranger_on_the_way(path, also)


def _lookups(path: str) -> Iterator[tuple[str, str]]:
    """The real directories in which a name is looked up on the way to `path`, and those names."""
    reached, links = "/", 0
    ahead = os.path.join(os.getcwd(), path).split("/")[::-1]
    while ahead:
        name = ahead.pop()
        if name in ("", "."):
            continue
        if name == "..":
            reached = os.path.dirname(reached)
            continue
        yield reached, name
        here = os.path.join(reached, name)
        if not os.path.islink(here):
            reached = here
            continue
        links += 1
        if links > _LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink(here)
        reached = "/" if target.startswith("/") else reached
        ahead += target.split("/")[::-1]
