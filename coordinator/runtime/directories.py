# SPDX-License-Identifier: LGPL-3.0-or-later
"""Directories that a broker may trust, and the lock that makes one its own.

Whoever can write in a broker's directory can put a file or a symbolic link where the broker is
about to write, or a socket where a module is about to connect.  So the directory belongs to the
broker's user, nobody else may write in it, and no link in it is followed (open(2), O_NOFOLLOW).

Whoever can write above it can put another directory in its place.  So what is above it is root's or
the broker's user's, and nobody else may write there either, as ownership/ has it.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterable
from contextlib import suppress

from ownership.rule import stranger
from ownership.way import stranger_on_the_way
from protocol import limits


class Unusable(Exception):
    """The directory cannot be used; the text says why and what to do."""


def check(path: str, what: str) -> None:
    """Raise Unusable unless the directory at `path` is safe; `what` names it for people."""
    try:
        status = os.stat(path)
        links = sorted(entry.name for entry in os.scandir(path) if entry.is_symlink())
    except OSError as error:
        raise Unusable(f"cannot use the {what} {path}: {error.strerror}") from error
    if not stat.S_ISDIR(status.st_mode):
        raise Unusable(f"the {what} {path} is not a directory")
    if status.st_uid != os.geteuid():
        raise Unusable(
            f"the {what} {path} belongs to uid {status.st_uid}, and this broker runs as uid "
            f"{os.geteuid()}; use a directory of your own"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise Unusable(
            f"others may write in the {what} {path} (mode {stat.S_IMODE(status.st_mode):o}); "
            f"see who put what there, then chmod go-w {path}"
        )
    if links:
        raise Unusable(
            f"the {what} {path} has a symbolic link in it, `{links[0]}`, which no broker put "
            "there; see what it points to, and remove it"
        )
    _check_way(path, what)


def check_given(path: str, what: str, suffix: str) -> None:
    """Raise Unusable unless only root and this user decide what is in a directory that was named.

    Who writes there decides what this broker runs.  So it, what is above it, and the files in it
    whose names end with `suffix` are root's or this user's, nobody else may write to them, and no
    link is among those files.
    """
    try:
        _check_given(path, what, stat.S_ISDIR, "a directory")
        names = sorted(name for name in os.listdir(path) if name.endswith(suffix))
        for name in names:
            file = os.path.join(path, name)
            _check_given(file, "file", stat.S_ISREG, "a regular file")
    except OSError as error:
        raise Unusable(f"cannot use the {what} {path}: {error.strerror}") from error
    _check_way(path, what)


def _check_given(path: str, what: str, kind: Callable[[int], bool], wanted: str) -> None:
    status = os.stat(path) if kind is stat.S_ISDIR else os.lstat(path)
    if not kind(status.st_mode):
        raise Unusable(f"the {what} {path} is not {wanted}")
    found = stranger(path, status)
    if found is not None:
        raise Unusable(
            f"the {what} {found.told}, who could have any code run here; see who wrote what there, "
            f"then {found.remedy}"
        )


def _check_way(path: str, what: str) -> None:
    try:
        found = stranger_on_the_way(path)
    except OSError as error:
        raise Unusable(
            f"cannot look at {error.filename}, on the way to the {what} {path}: {error.strerror}"
        ) from error
    if found is not None:
        raise Unusable(
            f"cannot use the {what} {path}: {found.told}; use a directory elsewhere, "
            f"or {found.remedy}"
        )


class DirectoryLock:
    """An flock(2) on the file `lock` in a directory, held for as long as the process lives.

    The file stays when its broker goes: to remove it would let two brokers hold two locks.
    """

    def __init__(self, path: str, what: str) -> None:
        """Take it.  Raises Unusable: with the pid of the one who has it, or for want of space."""
        file = os.path.join(path, "lock")
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._descriptor = os.open(file, flags, 0o600)
        except OSError as error:
            raise Unusable(f"cannot write in the {what} {path}: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._holder()
            os.close(self._descriptor)
            raise Unusable(f"another broker uses the {what} {path}{holder}") from error
        with suppress(OSError):  # for people; the lock is held without it
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, str(os.getpid()).encode(), 0)

    def _holder(self) -> str:
        pid = os.pread(self._descriptor, limits.NAME_LENGTH, 0)
        return f" (it is process {pid.decode()})" if pid.isdigit() else ""

    def release(self) -> None:
        """Let another broker have the directory."""
        os.close(self._descriptor)


def remove_with(path: str, names: Iterable[str]) -> None:
    """Remove the directory of a broker that has ended, if nothing but these files is in it.

    It may be a directory that holds more than the broker's; and another broker may have it by now.
    Raises nothing: what cannot be removed stays.
    """
    try:
        lock = DirectoryLock(path, "directory")
    except Unusable:
        return
    for name in (*names, "lock"):
        with suppress(OSError):
            os.unlink(os.path.join(path, name))
    with suppress(OSError):
        os.rmdir(path)
    lock.release()


class RunDirectory:
    """The directory with the broker's sockets, for as long as the broker lives."""

    def __init__(self, path: str) -> None:
        """Take it.  Raises Unusable where it is unsafe, or another broker's."""
        check(path, "run directory")
        self._lock = DirectoryLock(path, "run directory")
        self._path = path
        self._own: dict[str, tuple[int, int]] = {}

    def vacate(self, name: str) -> str:
        """The path for a socket; one that is there is of a broker that is gone, as the lock says.

        Raises OSError where it cannot be removed.
        """
        path = os.path.join(self._path, name)
        with suppress(FileNotFoundError):
            os.unlink(path)
        return path

    def own(self, name: str) -> None:
        """The socket that is there now is ours."""
        status = os.lstat(os.path.join(self._path, name))
        self._own[name] = (status.st_dev, status.st_ino)

    def close(self) -> None:
        """Remove the sockets that are ours, and let another broker have the directory."""
        for name, inode in self._own.items():
            path = os.path.join(self._path, name)
            with suppress(OSError):
                status = os.lstat(path)
                if (status.st_dev, status.st_ino) == inode:
                    os.unlink(path)
        self._lock.release()
