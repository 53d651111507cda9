# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the parts of a rank want of the loop: its clock, without the loop."""

from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Moments to be called back at, as the loop has them."""

    def now(self) -> float:
        """Seconds of a clock that never goes back."""

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        """Call back once, then."""
