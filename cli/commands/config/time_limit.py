# SPDX-License-Identifier: LGPL-3.0-or-later
"""A limit for code of others in the main thread, where nothing else can stop it.

A module file is imported there, and in no other thread, since it may set signal handlers.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Have TimeoutError raised in what runs inside for longer (setitimer(2), SIGALRM).

    What waits in C and never returns to Python is not ended.  Main thread only.
    """

    def over(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise TimeoutError(f"it was not done within {seconds:g} s")

    handler = signal.signal(signal.SIGALRM, over)
    former = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *former)
        signal.signal(signal.SIGALRM, handler)
