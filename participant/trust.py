# SPDX-License-Identifier: LGPL-3.0-or-later
"""Whether somebody else could have written a file that is about to be run as us.

The rule is that of sshd(8) for authorized_keys (StrictModes), with Debian's exception for a group
that has its owner as its only member (umask 002 makes everything writable by that).  Whoever owns
a module's file is trusted, since its name was given; whoever else may write to it, or put another
in its place, is not.  Of a program that a check names the owner counts, too.  A sticky directory
(sticky(7), /tmp) is no way to replace what others own in it, but anybody can add a file there, so
nothing is loaded from it.
"""

import grp
import os
import pwd
import stat
from collections.abc import Iterator


class Untrusted(Exception):
    """Others can change what would be run; the text says what, and what to do."""


def check_directory(directory: str) -> None:
    """Raise Untrusted where others can add a file to `directory`, or replace it."""
    directory = os.path.realpath(directory)
    _check(directory, "")
    compiled = os.path.join(directory, "__pycache__")  # Python runs what it finds there
    if os.path.isdir(compiled):
        _check(compiled, "")
    for above in _above(directory):
        if not os.stat(above).st_mode & stat.S_ISVTX:
            _check(above, f", and {directory} can be replaced in it")


def check_file(path: str) -> None:
    """Raise Untrusted where others can write to `path`, or put another in its place.

    Where symbolic links lead to it, that goes for its own directory and for those of the links.
    """
    real = os.path.realpath(path, strict=True)
    _check(real, "")
    for directory in _directories_of_links(os.path.abspath(path)):
        for each in (directory, *_above(directory)):
            if not os.stat(each).st_mode & stat.S_ISVTX:
                _check(each, f", and the link to {real} can be replaced in it")
    check_directory(os.path.dirname(real))


def check_program(path: str) -> None:
    """Raise Untrusted as `check_file` does, and where not all of it is root's or this user's.

    The configuration named it, and nobody's presence says that they know who else owns it.
    """
    check_file(path)
    real, links = os.path.realpath(path), _directories_of_links(os.path.abspath(path))
    for lowest in (real, *links):
        for place in (lowest, *_above(lowest)):
            owner = os.stat(place).st_uid
            if owner not in (0, os.geteuid()):
                raise Untrusted(
                    f"{place} belongs to uid {owner}, who could put any program there; it must be "
                    f"root's or that of uid {os.geteuid()}"
                )


def _directories_of_links(path: str) -> Iterator[str]:
    """The real directories of all symbolic links on the way to `path`, which has no loop."""
    reached, ahead = "/", path.split("/")[::-1]
    while ahead:
        step = ahead.pop()
        here = os.path.join(reached, step)
        if step == "..":
            reached = os.path.dirname(reached)
        elif step not in ("", ".") and os.path.islink(here):
            yield reached
            target = os.readlink(here)
            reached = "/" if target.startswith("/") else reached
            ahead += target.split("/")[::-1]
        elif step not in ("", "."):
            reached = here


def _above(directory: str) -> Iterator[str]:
    while (parent := os.path.dirname(directory)) != directory:
        yield parent
        directory = parent


def _check(path: str, so_that: str) -> None:
    status = os.stat(path)
    if status.st_mode & stat.S_IWOTH:
        who, remedy = "everybody", "o-w"
    elif status.st_mode & stat.S_IWGRP and not _is_private(status.st_uid, status.st_gid):
        who, remedy = f"the group {_group_name(status.st_gid)}", "g-w"
    else:
        return
    raise Untrusted(
        f"{path} can be written by {who}{so_that}: no code is run from there; "
        f"`chmod {remedy} {path}`, or keep it in a directory of its own"
    )


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
