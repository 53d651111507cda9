# SPDX-License-Identifier: LGPL-3.0-or-later
"""A real broker in directories of its own, for the tests of `flux config`."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FLUX = (sys.executable, "-m", "cli.main")
PATIENCE = 30.0
"""Seconds; the machine that runs the tests may be busy."""


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """What `condition()` returns as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)
    return found


class House:
    """The directories outlive the broker, which can be killed and started again.

    Others may look into the directory of the socket, so that guests can be tried.
    """

    def __init__(self, text: str = "", modules: bool = False) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="flux-config-test-"))
        self.root.chmod(0o755)
        self.files, self.rundir = self.root / "conf.d", self.root / "run"
        for directory in (self.files, self.rundir, self.root / "state"):
            directory.mkdir()
        self.rundir.chmod(0o755)
        self.write(text)
        self.modules = modules
        self.options: tuple[str, ...] = ()
        self.environment = {
            **os.environ,
            "FLUX_URI": f"local://{self.rundir}/local",
            "PYTHONPATH": str(ROOT),
        }
        self.broker: subprocess.Popen[bytes] | None = None

    def write(self, text: str, name: str = "a.toml") -> None:
        """Put a configuration file in the directory."""
        (self.files / name).write_text(text)

    def start(self) -> "House":
        """Start the broker and wait until it lets clients in."""
        command = [*FLUX, "broker", "-c", str(self.files), "-S", f"rundir={self.rundir}",
                   "-S", f"statedir={self.root / 'state'}", *self.options]  # fmt: skip
        if not self.modules:
            command += ["-S", "broker.rc1_path="]
        with (self.root / "log").open("ab") as log:
            self.broker = subprocess.Popen(command, env=self.environment, stderr=log)
        until(self._is_open, "the broker is there")
        return self

    def _is_open(self) -> bool:
        assert self.broker is not None
        status = self.broker.poll()
        assert status is None, f"the broker ended with {status}:\n{(self.root / 'log').read_text()}"
        return self.flux("lsattr").returncode == 0

    def kill(self) -> None:
        """End the broker without any warning."""
        assert self.broker is not None
        self.broker.kill()
        self.broker.wait()
        self.broker = None

    def close(self) -> None:
        """End the broker and remove the directories."""
        if self.broker is not None:
            self.broker.send_signal(signal.SIGTERM)
            self.broker.wait(PATIENCE)
        shutil.rmtree(self.root)

    def flux(self, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run `flux ARGUMENTS`."""
        given = {"env": self.environment, "capture_output": True, "text": True,
                 "timeout": PATIENCE, "stdin": subprocess.DEVNULL, **options}  # fmt: skip
        if "input" in given:
            del given["stdin"]
        done: subprocess.CompletedProcess[str] = subprocess.run([*FLUX, *arguments], **given)
        return done

    def config(self, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run `flux config ARGUMENTS`."""
        return self.flux("config", *arguments, **options)

    def good(self, *arguments: str, **options: Any) -> str:
        """What `flux config ARGUMENTS` prints, which must succeed."""
        done = self.config(*arguments, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *arguments: str) -> Any:
        """The JSON that `flux config ARGUMENTS` prints, which must succeed."""
        return json.loads(self.good(*arguments))

    def refused(self, *arguments: str, status: int = 1, **options: Any) -> str:
        """What `flux config ARGUMENTS` complains of."""
        done = self.config(*arguments, **options)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        assert all(line.startswith("flux-config: ") for line in done.stderr.splitlines()[:1])
        return done.stderr

    def generation(self) -> int:
        """The generation in force."""
        return int(self.json("status", "--json")["generation"])
