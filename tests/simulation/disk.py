# SPDX-License-Identifier: LGPL-3.0-or-later
"""A disk with a cache in front of it: a write is durable only when it was forced.

A crash keeps what was forced and some first part of what was not, cut at any byte.  That is what a
log file on a real disk looks like after a power cut, and the recovery has to cope with it.
"""

import random
import zlib
from collections.abc import Iterator


class Disk:
    """One append-only file."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._forced = 0
        self.owner = 0
        """The epoch that may write: a fence, as a lease or a lock is one."""

    def write(self, record: bytes) -> None:
        """Into the cache; there it may stay, or be torn, in a crash."""
        checksum = zlib.crc32(record).to_bytes(4, "big")
        self._bytes += len(record).to_bytes(4, "big") + checksum + record

    def force(self) -> None:
        """When this returns, all that was written survives."""
        self._forced = len(self._bytes)

    def crash(self, chance: random.Random) -> None:
        """The power is gone: nothing, all, or some of the unforced bytes are found later."""
        unforced = len(self._bytes) - self._forced
        kept = chance.choice((0, unforced, chance.randint(0, unforced)))
        del self._bytes[self._forced + kept :]

    def records(self) -> Iterator[bytes]:
        """What can be read back.  A torn record and whatever follows it are dropped for good."""
        place = 0
        while record := self._record_at(place):
            yield record
            place += 8 + len(record)
        del self._bytes[place:]
        self.force()

    def _record_at(self, place: int) -> bytes:
        size = int.from_bytes(self._bytes[place : place + 4], "big")
        checksum = int.from_bytes(self._bytes[place + 4 : place + 8], "big")
        record = bytes(self._bytes[place + 8 : place + 8 + size])
        return record if len(record) == size and zlib.crc32(record) == checksum else b""
