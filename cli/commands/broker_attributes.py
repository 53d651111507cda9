# SPDX-License-Identifier: LGPL-3.0-or-later
"""What `-S` says, judged by the table of attributes, and the directories that it names, made."""

import os
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass

from cli import VERSION
from coordinator.attributes import BadAttribute, at_start
from protocol import limits

_LOCAL, _SOCKET = "local://", "local"


@dataclass
class Attributes:
    """The attributes that a broker starts with, by name."""

    values: dict[str, str]
    forgets: bool = False
    """The run directory is named and stays, and the state directory is neither."""
    cleaned: tuple[str, ...] = ()
    """Directories that were named, and are to go with the broker."""

    @property
    def rundir(self) -> str:
        """The directory of the sockets, which exists."""
        return self.values["rundir"]

    @property
    def statedir(self) -> str:
        """The directory of the ledger, which exists."""
        return self.values["statedir"]

    def says(self, name: str) -> bool:
        """Whether a boolean attribute is true."""
        return self.values.get(name) == "1"

    def settle(self, name: str, default: str) -> str:
        """The value, which is from now on `default` where none was given."""
        return self.values.setdefault(name, default)


def read_attributes(given: Iterable[str], temporary: list[str]) -> Attributes:
    """The attributes, with the directories made; those to be removed at the end go to `temporary`.

    Raises ValueError for what may not be set or not to this, OSError for directories.
    """
    values = {"version": VERSION}
    for word in given:
        name, value = at_start(word)
        values[name] = value
    _agree_on_the_socket(values)
    forgets = "rundir" in values and "statedir" not in values
    cleaned = []
    for name in ("rundir", "statedir"):
        values[name], is_new = _directory(values, name, temporary)
        if values[f"{name}-cleanup"] == "1" and not is_new:
            cleaned.append(values[name])
    if "modprobe.directory" in values:
        values["modprobe.directory"] = os.path.abspath(values["modprobe.directory"])
    values.setdefault("config.history", str(limits.HISTORY))
    values.setdefault("log-ring-size", str(limits.LOG_LINES))
    values.setdefault("broker.module-nopanic", "1")
    values.setdefault("broker.rc2_none", "0")
    return Attributes(values, forgets, tuple(cleaned))


def _agree_on_the_socket(values: dict[str, str]) -> None:
    """local-uri names the run directory; where both are given they say the same.

    The broker locks that directory and removes what an earlier one left in it, so a socket
    elsewhere would be out of its care.
    """
    uri = values.pop("local-uri", None)
    if uri is None:
        return
    directory = os.path.dirname(uri.removeprefix(_LOCAL))
    if _is_sticky(directory):
        raise BadAttribute(f"local-uri={uri}: {directory} is for everybody; name a directory in it")
    rundir = values.setdefault("rundir", directory)
    if os.path.realpath(rundir) != os.path.realpath(directory):
        raise BadAttribute(
            f"local-uri={uri}: the socket is {_SOCKET} in the run directory, which is {rundir}; "
            "leave one of the two out"
        )


def _directory(values: dict[str, str], name: str, temporary: list[str]) -> tuple[str, bool]:
    """The directory that the attribute names, made where it is missing; else a new one, and True.

    A sticky directory (/tmp) gets a new one in it.
    """
    given = values.get(name)
    path = os.path.abspath(given) if given else None
    is_new = path is None or _is_sticky(path)
    if is_new:
        path = tempfile.mkdtemp(prefix=f"flux-{name}-", dir=path)
    assert path is not None
    goes = values.setdefault(f"{name}-cleanup", str(int(is_new))) == "1"
    if goes and is_new:
        temporary.append(path)
    if not is_new:
        os.makedirs(path, mode=0o700, exist_ok=True)
    return path, is_new


def _is_sticky(path: str) -> bool:
    try:
        return bool(os.stat(path).st_mode & stat.S_ISVTX)
    except OSError:
        return False
