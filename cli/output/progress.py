# SPDX-License-Identifier: LGPL-3.0-or-later
"""One line on a terminal's stderr that says who is being waited for."""

import shutil
import time
from typing import Any

from cli.client import Client, Trouble
from cli.streams import draw
from protocol.reasons import printable

_PAUSE = 0.2  # seconds between two looks; also how long a change may take without any line
_NAMES = 3


def wait(client: Client, seconds: float) -> dict[str, Any] | None:
    """The answer that `client` gets; None after `seconds`.  Draws while it waits."""
    until = time.monotonic() + seconds
    drawn = False
    try:
        while True:
            left = until - time.monotonic()
            answer = client.receive(min(_PAUSE, max(left, 0.01)))
            if answer is not None or left <= 0:
                return answer
            drawn = _draw() or drawn
    finally:
        if drawn:
            draw("\r\x1b[K")


def _draw() -> bool:
    try:
        status = Client().ask("status", 1.0)
    except Trouble:
        return False
    width = shutil.get_terminal_size().columns
    draw("\r\x1b[K" + printable(line(status))[: width - 1])
    return True


def line(status: dict[str, Any]) -> str:
    """What is being waited for, from the answer to `status`.

    >>> line({"transaction": {"voted": ["a"], "members": 2, "awaited": ["b"], "seconds": 3.21,
    ...                       "state": "preparing"}})
    '1 of 2 voted; waiting for b 3.2 s'
    """
    change = status.get("transaction")
    if change is None:
        waiting = status.get("waiting", 0)
        return f"in line; {waiting} waiting" if waiting else "waiting"
    elapsed = f"{change['seconds']:.1f} s"
    names = ", ".join(change["awaited"][:_NAMES])
    more = len(change["awaited"]) - _NAMES
    who = f"{names} and {more} more" if more > 0 else names
    match change["state"]:
        case "gathering":
            return f"reading the configuration {elapsed}"
        case "forcing":
            return f"all {change['members']} voted; writing the decision {elapsed}"
        case "committing":
            return f"committed; waiting for {who} to apply it {elapsed}"
    voted = f"{len(change['voted'])} of {change['members']} voted"
    return f"{voted}; waiting for {who} {elapsed}" if who else f"{voted} {elapsed}"
