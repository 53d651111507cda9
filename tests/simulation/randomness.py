# SPDX-License-Identifier: LGPL-3.0-or-later
"""Randomness, all of it from one seed, in streams that do not disturb one another.

Each process and each link draws from a stream of its own: when the shrinking of a story takes one
fault away, the delays everywhere else stay what they were, and the failure stays with them.
"""

import random
import zlib


class Randomness:
    """The streams of one run."""

    def __init__(self, seed: int) -> None:
        self._master = random.Random(seed).getrandbits(32)
        self._streams: dict[str, random.Random] = {}

    def stream(self, name: str) -> random.Random:
        """The stream of this name; the same name, the same stream."""
        found = self._streams.get(name)
        if found is None:
            found = random.Random(self._master ^ zlib.crc32(name.encode()))
            self._streams[name] = found
        return found
