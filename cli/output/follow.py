# SPDX-License-Identifier: LGPL-3.0-or-later
"""What happens, printed as it happens, until somebody has had enough of it."""

import errno
import gc
import sys
from collections.abc import Callable
from typing import Any

from cli.client import Client, complain


def follow(client: Client, show: Callable[[dict[str, Any]], None]) -> int:
    """Show every answer to a request that was sent, until the command is interrupted.

    Raises BrokenPipeError where nobody reads stdout any more, Unanswered where the broker ends.
    """
    gc.enable()  # this may go on for months
    while client.wait(sys.stdout.fileno()):
        answer = client.receive(None)
        if answer is not None and "lost" in answer:
            complain("follow", f"{answer['lost']} lines are left out: they came too fast")
        elif answer is not None:
            show(answer)
    raise BrokenPipeError(errno.EPIPE, "nobody reads what is followed")
