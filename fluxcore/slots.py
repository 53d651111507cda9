# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a process leaves to the one that takes its place: bytes in two files, written in turn.

A writer that is killed in the middle leaves the other file as it was, and a checksum tells.
Nothing is renamed: on a disk (ext4) a rename over a file costs some twenty times what it costs to
write into one.  Nothing is forced to it: this is for another process, not for another boot.
"""

import os
import struct
import time
import zlib
from contextlib import suppress

_HEAD = struct.Struct(">QQI")
"""Sequence number, length, and checksum of what follows."""


class Slots:
    """Two files, `PATH.0` and `PATH.1`; the last that was written whole counts."""

    def __init__(self, path: str) -> None:
        self._paths = (f"{path}.0", f"{path}.1")
        self._sequence = -1
        """Of what was written or read last; -1: not known yet."""
        self._next = 0

    def write(self, data: bytes) -> None:
        """Leave this in place of what was written before.  Raises OSError."""
        if self._sequence < 0:
            self.read()
        # A copy of this object, made by fork(2), goes on from any state
        sequence = max(time.monotonic_ns(), self._sequence + 1)
        head = _HEAD.pack(sequence, len(data), zlib.crc32(data, sequence & 0xFFFFFFFF))
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._paths[self._next], flags, 0o600)
        try:
            written = os.write(descriptor, head + data)
        finally:
            os.close(descriptor)
        if written < len(head) + len(data):
            raise OSError(28, os.strerror(28))  # ENOSPC, which the rest would have met
        self._sequence, self._next = sequence, 1 - self._next

    def read(self) -> bytes | None:
        """What was written last; None where nothing was."""
        found = [_read(path) for path in self._paths]
        whole = [(slot[0], place) for place, slot in enumerate(found) if slot is not None]
        self._sequence, place = max(whole, default=(0, 1))
        self._next = 1 - place
        last = found[place]
        return last[1] if last is not None else None

    def forget(self) -> None:
        """Leave nothing."""
        for path in self._paths:
            with suppress(OSError):
                os.unlink(path)
        self._sequence = -1


def _read(path: str) -> tuple[int, bytes] | None:
    try:
        with open(path, "rb") as file:
            data = file.read()
        sequence, length, checksum = _HEAD.unpack_from(data)
    except (OSError, struct.error):
        return None
    rest = data[_HEAD.size : _HEAD.size + length]  # behind it is the rest of a longer one
    whole = len(rest) == length and zlib.crc32(rest, sequence & 0xFFFFFFFF) == checksum
    return (sequence, rest) if whole else None
