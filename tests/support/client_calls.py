# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a test says to a broker: as a command (`flux …`) or on the clients' socket."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from cli.client import Client
from tests.support.patience import PATIENCE, until

ROOT = Path(__file__).resolve().parents[2]
FLUX = (sys.executable, "-m", "cli.main")


class ClientCalls:
    """The calls of all kinds of client, to the broker of this run directory."""

    def __init__(self, rundir: Path) -> None:
        self.rundir = rundir
        self.uri = f"local://{rundir}/local"
        self.environment = {**os.environ, "FLUX_URI": self.uri, "PYTHONPATH": str(ROOT)}
        self.environment.pop("PYTHONUNBUFFERED", None)  # it hides what is left in a buffer at exit

    # Commands

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `flux ARGUMENTS`."""
        return subprocess.Popen([*FLUX, *arguments], env=self.environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)  # fmt: skip

    def flux(self, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run `flux ARGUMENTS` to its end; `options` are those of subprocess.run."""
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

    # Requests

    def ask(self, op: str, seconds: float = PATIENCE, **fields: Any) -> dict[str, Any]:
        """One request on a connection of its own, as the commands do it.  Raises Trouble."""
        return Client(self.uri).ask(op, seconds, **fields)

    def reload(self, timeout: float = PATIENCE, **fields: Any) -> dict[str, Any]:
        """Propose the files."""
        return self.ask("reload", 3 * PATIENCE, timeout=timeout, **fields)

    def remove_module(self, name: str) -> dict[str, Any]:
        """Take a module out of the vote."""
        return self.ask("module-remove", 3 * PATIENCE, name=name, timeout=PATIENCE)

    @property
    def generation(self) -> int:
        """What the broker says is in force."""
        return int(self.ask("get")["generation"])

    def members(self) -> dict[str, dict[str, Any]]:
        """What `flux module list` shows, by name."""
        return {member["name"]: member for member in self.ask("modules")["modules"]}

    def wait_for(self, name: str, state: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until a module is in this state; what is shown of it."""

        def there() -> dict[str, Any] | None:
            member = self.members().get(name)
            return member if member is not None and member["state"] == state else None

        shown: dict[str, Any] = until(there, f"{name} is {state}", seconds)
        return shown

    def pid(self, name: str) -> int:
        """The process of a module."""
        return int(self.members()[name]["pid"])
