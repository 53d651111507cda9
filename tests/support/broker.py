# SPDX-License-Identifier: LGPL-3.0-or-later
"""A real broker in directories of its own, started and ended by pid, as all tests have it."""

import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from cli.client import Trouble
from tests.support.client_calls import FLUX, ClientCalls
from tests.support.patience import PATIENCE, until

LOG_TAIL = 40
"""Lines of the broker's log that are told beside a failure."""


class RunningBroker(ClientCalls):
    """The directories outlive the broker, which can be killed and started again.

    `process` is what runs now.  Others may look into the directory of the socket, so
    that guests can be tried.
    """

    def __init__(self, text: str = "", modules: bool = False) -> None:
        """Writes `text` as the configuration; `modules`: with the bundled ones."""
        self.root = Path(tempfile.mkdtemp(prefix="flux-test-"))
        self.root.chmod(0o755)
        super().__init__(self.root / "run")
        self.files, self.statedir = self.root / "conf.d", self.root / "state"
        for directory in (self.files, self.rundir, self.statedir):
            directory.mkdir(mode=0o700)
        self.rundir.chmod(0o755)
        self.log = self.root / "broker.log"
        self.bundled = modules
        self.options: tuple[str, ...] = ()
        self.process: subprocess.Popen[bytes] | None = None
        self.write_text(text)

    # The broker's life

    def command(self) -> list[str]:
        """The command line of a broker."""
        rc1 = () if self.bundled else ("-S", "broker.rc1_path=")
        return [*FLUX, "broker", "-c", str(self.files), "-S", f"rundir={self.rundir}",
                "-S", f"statedir={self.statedir}", *self.options, *rc1]  # fmt: skip

    def spawn(self, command: list[str]) -> None:
        """Start a broker by this command, without waiting for it."""
        assert self.process is None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self.environment, stderr=log,
                                           stdin=subprocess.DEVNULL)  # fmt: skip

    def start(self) -> Self:
        """Start the broker and wait until it lets clients in."""
        self.spawn(self.command())
        self.wait_until_open()
        return self

    def wait_until_open(self) -> None:
        """Wait until the broker lets clients in."""
        until(self.opened, "the broker lets clients in")

    def opened(self, seconds: float = PATIENCE) -> bool:
        """Whether the broker lets clients in, and answers within this time."""
        assert self.process is not None
        status = self.process.poll()
        assert status is None, f"the broker ended with {status}:\n{self.log_tail()}"
        try:
            self.ask("lsattr", seconds)
        except Trouble:
            return False
        return True

    def wait_dead(self, seconds: float = PATIENCE) -> int:
        """Wait for the end of the broker; subprocess's return code."""
        assert self.process is not None
        status = self.process.wait(seconds)
        self.process = None
        return status

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = PATIENCE) -> int:
        """Signal the broker and wait for its end."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.wait_dead(seconds)

    def kill(self) -> None:
        """End the broker without any warning."""
        self.end(signal.SIGKILL)

    def close(self) -> None:
        """End the broker and remove the directories."""
        if self.process is not None:
            try:
                self.end()
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        shutil.rmtree(self.root)

    # Files

    def write_text(self, text: str, name: str = "a.toml") -> None:
        """Write a configuration file, whole or not at all."""
        draft = self.files / f".{name}"
        draft.write_text(text)
        draft.rename(self.files / name)

    def log_text(self) -> str:
        """What the broker and its modules have said on stderr."""
        return self.log.read_text(errors="replace") if self.log.is_file() else ""

    def log_tail(self) -> str:
        """The end of it."""
        return "\n".join(self.log_text().splitlines()[-LOG_TAIL:])
