# SPDX-License-Identifier: LGPL-3.0-or-later
"""`… BROKER DIRECTORY AGENT-PID COMMAND …`: a real front, with a toy for Flux's broker."""

import os
import sys

from fluxcore.front.door import Door
from fluxcore.front.process import FrontProcess
from protocol import limits
from tests.unit.fluxcore.front.toy_broker import ToyConnection

if __name__ == "__main__":
    broker, directory, agent, *command = sys.argv[1:]
    for name, value in (("AGENT_LINGER_SECONDS", 0.5), ("AGENT_END_SECONDS", 2.0)):
        setattr(limits, name, value)
    served = os.path.join(directory, "served")
    process = FrontProcess(Door(directory), command, lambda: ToyConnection(broker))
    sys.exit(process.begin(int(agent), lambda: open(served, "w").close()))
