# SPDX-License-Identifier: LGPL-3.0-or-later
"""A notify socket as systemd has it (sd_notify(3)): what a service says, in its order."""

import secrets
import socket
from pathlib import Path
from typing import Self

from tests.support.patience import PATIENCE, until


class NotifySocket:
    """Receives datagrams; `address` is what NOTIFY_SOCKET says."""

    def __init__(self, directory: Path | None = None) -> None:
        """In the abstract namespace where no directory is given."""
        name = f"flux-accord-test-{secrets.token_hex(8)}"
        self.address = f"{directory / name}" if directory is not None else f"@{name}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(self.address.replace("@", "\0", 1))
        self.words: list[str] = []
        """All assignments so far, but for WATCHDOG=1."""
        self.alive = 0
        """How often WATCHDOG=1 has come."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def hear(self) -> list[str]:
        """All words so far, with those that have just come."""
        while True:
            try:
                words = self._socket.recv(65536).decode().splitlines()
            except BlockingIOError:
                return self.words
            self.alive += words.count("WATCHDOG=1")
            self.words += [word for word in words if word != "WATCHDOG=1"]

    def wait_for(self, *wanted: str, after: int = 0, seconds: float = PATIENCE) -> int:
        """Wait until words that begin with these have come, in this order; the place after them."""

        def found() -> int | None:
            place = after
            for beginning in wanted:
                rest = self.hear()[place:]
                here = [word.startswith(beginning) for word in rest]
                if True not in here:
                    return None
                place += here.index(True) + 1
            return place

        place: int = until(found, f"{wanted} among {self.hear()[after:]}", seconds)
        return place

    @property
    def status(self) -> str:
        """The last STATUS=."""
        told = [word for word in self.hear() if word.startswith("STATUS=")]
        return told[-1].removeprefix("STATUS=") if told else ""
