# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the modules of a rank run, for the next agent of the same broker.

An agent that was killed leaves modules behind that nobody can ask what they run.  So it is written
down, in the broker's run directory, which ends with the broker: before something is applied, that
it is uncertain, with what to go back to; and afterwards what it is.  Losing it costs only that
everything is applied once more, so nothing is forced to a disk.
"""

from typing import NamedTuple

from fluxcore.slots import Slots
from protocol.configuration import Configuration, Unfit

_CERTAIN, _UNCERTAIN = b"=", b"?"


class Remembered(NamedTuple):
    """What the modules run; not `certain`: it, or something that was being applied."""

    configuration: Configuration
    certain: bool


class RunningFile:
    """The file, or two of them; `path` None remembers nothing."""

    def __init__(self, path: str | None) -> None:
        self._slots = Slots(path) if path is not None else None

    def read(self) -> Remembered | None:
        """What was written last, if anything."""
        data = self._slots.read() if self._slots is not None else None
        if data is None:
            return None
        try:
            return Remembered(Configuration.decode(data[1:]), data[:1] == _CERTAIN)
        except Unfit:
            return None

    def write(self, configuration: Configuration, certain: bool) -> None:
        """Write it, whole or not at all; without space nothing is remembered."""
        if self._slots is None:
            return
        try:
            self._slots.write((_CERTAIN if certain else _UNCERTAIN) + configuration.encoded)
        except OSError:
            self._slots.forget()
