# SPDX-License-Identifier: LGPL-3.0-or-later
"""`python -m fluxcore.front DIRECTORY READY-FD AGENT-PID COMMAND …`: the front of one rank.

`COMMAND …` starts an agent.  READY-FD is -1 where nobody waits, AGENT-PID 0 where there is none.
"""

import os
import sys
import time

from fluxcore.front.client import call_front
from fluxcore.front.connection import BrokerConnection, load_core
from fluxcore.front.door import Door, Taken
from fluxcore.front.process import FrontProcess
from protocol import limits

_RETRY_SECONDS = 0.02


def main(arguments: list[str]) -> int:
    """Serve until the broker ends, or somebody says so; the exit status."""
    directory, ready_text, agent_text, *command = arguments
    ready_fd = int(ready_text)
    if ready_fd >= 0:
        os.set_inheritable(ready_fd, False)

    def ready() -> None:
        if ready_fd >= 0:
            os.write(ready_fd, b"served\n")
            os.close(ready_fd)

    door = None
    end = time.monotonic() + limits.AGENT_START_SECONDS
    while door is None:
        try:
            door = Door(directory)
        except Taken:
            if ready_fd < 0:
                return _complain("this rank has an agent already")
            if _other_serves(directory):
                ready()
                return 0
            if time.monotonic() > end:
                return _complain("this rank has a front, whose agent does not come to serve")
            time.sleep(_RETRY_SECONDS)
        except OSError as error:
            return _complain(f"{directory}: {error.strerror or error}")
    load_core()  # before the first standby is made: it shares the memory, and need not load it
    try:
        return FrontProcess(door, command, BrokerConnection).begin(int(agent_text), ready)
    except OSError as error:
        return _complain(f"no Flux instance: {error.strerror}")


def _other_serves(directory: str) -> bool:
    """Whether the front that has the directory serves this rank, or comes to; it may be leaving."""
    try:
        return call_front(directory, "wait", limits.AGENT_START_SECONDS) is not None
    except OSError:
        return False


def _complain(text: str) -> int:
    print(f"flux-accord agent: {text}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
