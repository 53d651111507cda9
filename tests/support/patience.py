# SPDX-License-Identifier: LGPL-3.0-or-later
"""How long tests wait.  No limit here is one of the product's: all are far above what it promises.

A test must fail for a reason only, and a busy machine is none.  So whatever ought to happen is
waited for with a patience that only a fault can use up, and "at once" is told from "at a deadline"
by a deadline that is much farther away still.
"""

import time
from collections.abc import Callable
from typing import Any

PATIENCE = 120.0
"""Seconds; longest wait for anything that ought to happen, and time a change is allowed that ought
to be committed."""
AT_ONCE = 20.0
"""Seconds; what needs no waiting takes less, even on a machine with a dozen busy processes."""
FAR = "300s"
"""The deadline, as an option of a command, of a change whose answer does not wait for it."""


def until(condition: Callable[[], Any], what: str = "", seconds: float = PATIENCE) -> Any:
    """What `condition()` returns as soon as it is true.  Raises AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}")
        time.sleep(0.005)
    return value
