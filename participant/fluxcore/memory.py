# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the modules of a rank run, for the next agent of the same broker.

An agent that was killed leaves modules behind that nobody can ask what they run.  So it is written
down, in the broker's run directory, which ends with the broker: before something is applied, that
it is uncertain, with what to go back to; and afterwards what it is.  Losing it costs only that
everything is applied once more, so nothing is forced to a disk.
"""

import os
from contextlib import suppress
from typing import NamedTuple

from protocol.configuration import Configuration, Unfit

_CERTAIN, _UNCERTAIN = b"=", b"?"


class Remembered(NamedTuple):
    """What the modules run; not `certain`: it, or something that was being applied."""

    configuration: Configuration
    certain: bool


class RunningFile:
    """The file; `path` None remembers nothing."""

    def __init__(self, path: str | None) -> None:
        self._path = path

    def read(self) -> Remembered | None:
        """What was written last, if anything."""
        if self._path is None:
            return None
        try:
            with open(self._path, "rb") as file:
                data = file.read()
            return Remembered(Configuration.decode(data[1:]), data[:1] == _CERTAIN)
        except (OSError, Unfit):
            return None

    def write(self, configuration: Configuration, certain: bool) -> None:
        """Write it, whole or not at all; without space nothing is remembered."""
        if self._path is None:
            return
        draft = f"{self._path}.new"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
                file.write((_CERTAIN if certain else _UNCERTAIN) + configuration.encoded)
            os.replace(draft, self._path)
        except OSError:
            with suppress(OSError):
                os.unlink(self._path)
