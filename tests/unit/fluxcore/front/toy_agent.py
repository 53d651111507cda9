# SPDX-License-Identifier: LGPL-3.0-or-later
"""`… DIRECTORY LEDGER`: an agent with a file for a ledger, behind a real front.

A change is `{"do": …}`: "commit", "commit and die", "die", or "wait", which never ends.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from coordinator.runtime.loop import EpollLoop
from fluxcore.front.client import FrontLink
from protocol import limits


class ToyAgent:
    """What it says is in force is how many changes its ledger has."""

    def __init__(self, directory: str, ledger: Path) -> None:
        self._ledger = ledger
        self.loop = EpollLoop()
        self._link = FrontLink(directory, self.loop, self._start_front)
        self._link.asked = self._asked
        self._directory = directory

    def _start_front(self) -> None:
        command = [*json.loads(os.environ["TOY_FRONT"]), str(os.getpid())]
        subprocess.Popen([*command, *json.loads(os.environ["TOY_AGENT"])])

    def serve(self) -> None:
        """Call on the front, and serve."""
        self._link.connect()
        self._publish()
        self.loop.run()

    def _decided(self) -> list[str]:
        return self._ledger.read_text().split() if self._ledger.exists() else []

    def _publish(self) -> None:
        self._link.publish(json.dumps(len(self._decided())), len(self._decided()))

    def _asked(self, fields: dict[str, Any], texts: list[str]) -> None:
        txid = fields["txid"]
        do = "tell" if fields["again"] else json.loads(texts[0])["do"]
        if "commit" in do:
            with self._ledger.open("a") as file:
                file.write(f"{txid}\n")
        if "die" in do:
            os.kill(os.getpid(), signal.SIGKILL)
        self._publish()
        if do == "commit" or txid in self._decided():
            self._link.answer(txid, 0, "")
        elif do == "tell":
            self._link.answer(txid, 11, "nothing changed")


if __name__ == "__main__":
    setattr(limits, "FRONT_CALL_SECONDS", 0.5)  # noqa: B010
    if os.path.exists(sys.argv[2] + ".broken"):
        sys.exit("the ledger is broken")
    ToyAgent(sys.argv[1], Path(sys.argv[2])).serve()
