# SPDX-License-Identifier: LGPL-3.0-or-later
"""What goes up is gathered: while one message is on its way, all that comes waits for the next.

So nothing is delayed where little comes, and where much comes at once (the votes of all ranks
below) few messages carry it.  Nothing is left out or put together: each frame arrives as it was.
Pure.
"""

from collections import deque

from fluxcore.framing import UpFrame


class Gathering:
    """One way up; at most one message is on it."""

    def __init__(self, most: int) -> None:
        """`most` is how many bytes of frames go in one message; a longer frame goes alone."""
        self._most = most
        self._waiting: deque[UpFrame] = deque()
        self._on_its_way = 0
        self._sent = 0

    def put(self, entry: UpFrame) -> None:
        """It is to go up, behind all that waits."""
        self._waiting.append(entry)

    def take(self) -> tuple[int, list[UpFrame]]:
        """What is to be sent now, and its number; nothing while something is on its way."""
        if self._on_its_way or not self._waiting:
            return 0, []
        taken, size = [self._waiting.popleft()], 0
        size = len(taken[0].frame)
        while self._waiting and size + len(self._waiting[0].frame) <= self._most:
            entry = self._waiting.popleft()
            size += len(entry.frame)
            taken.append(entry)
        self._sent += 1
        self._on_its_way = self._sent
        return self._sent, taken

    def arrived(self, number: int) -> None:
        """That message has been taken above."""
        if number == self._on_its_way:
            self._on_its_way = 0

    def clear(self) -> None:
        """Forget all that waits, and what is on its way: whoever was to take it is gone."""
        self._waiting.clear()
        self._on_its_way = 0
