# SPDX-License-Identifier: LGPL-3.0-or-later
"""One broker with its directories, started and ended by pid, and spoken to as users speak to it."""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cli.client import Client, Trouble
from participant.module import Module
from participant.runtime.attachment import Attachment, attach
from tests.chaos import evidence, ledger_rows, verdicts
from tests.chaos.evidence import Record

ROOT = Path(__file__).resolve().parents[2]
FAULTY = Path(__file__).parent / "faulty_modules"
VOTER, PLAIN, HASTY = FAULTY / "voter.py", FAULTY / "plain.py", FAULTY / "hasty.py"

PATIENCE = 30.0
"""Longest wait for anything that ought to happen at once; the machine may be busy."""

_serials = itertools.count(1)


def until(condition: Callable[[], Any], seconds: float = PATIENCE, what: str = "") -> Any:
    """Wait for `condition()` to be true, and return what it returned."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what or condition}")
        time.sleep(0.005)
    return found


class House:
    """The directories outlive any one broker; `broker` is the one that runs now."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="flux-chaos-"))
        self.rundir, self.statedir = self.root / "run", self.root / "state"
        self.files, self.plans = self.root / "conf.d", self.root / "plans"
        for directory in (self.rundir, self.statedir, self.files, self.plans):
            directory.mkdir(mode=0o700)
        self.diary = self.root / "records"
        self.log = self.root / "broker.log"
        self.uri = f"local://{self.rundir}/local"
        self.broker: subprocess.Popen[bytes] | None = None
        self.before: list[str] = []
        """Words to the saboteur that come before the broker."""
        self.environment = {**os.environ, "FLUX_URI": self.uri, evidence.VARIABLE: str(self.diary)}
        self.environment.pop("PYTHONUNBUFFERED", None)  # it hides what is left in a buffer at exit
        self.write()

    # The broker's life

    def launch(self, *options: str, modules: tuple[str, ...] = (), path: Path = VOTER) -> None:
        """Start a broker, without waiting for it."""
        assert self.broker is None
        command = [sys.executable, "-m", "tests.chaos.crash_process", *self.before, "broker",
                   "--rundir", str(self.rundir), "--statedir", str(self.statedir),
                   "--plans", str(self.plans), "--config", str(self.files), *options]  # fmt: skip
        for name in modules:
            command += ["--module", f"{name}={path}"]
        with self.log.open("ab") as log:
            self.broker = subprocess.Popen(command, cwd=ROOT, env=self.environment, stderr=log,
                                           stdin=subprocess.DEVNULL)  # fmt: skip

    def start(self, *options: str, modules: tuple[str, ...] = ()) -> "House":
        """Start a broker and wait until it lets clients in."""
        self.launch(*options, modules=modules)
        self.wait_until_open()
        return self

    def wait_until_open(self) -> None:
        """Wait until the broker lets clients in."""
        until(self.opened, what="the broker's door")

    def opened(self, seconds: float = PATIENCE) -> bool:
        """Whether the broker lets clients in, and answers within this time."""
        assert self.broker is not None
        status = self.broker.poll()
        assert status is None, f"the broker ended with {status}:\n{self.log_text()[-3000:]}"
        try:
            self.ask("lsattr", seconds)
        except Trouble:
            return False
        return True

    def wait_dead(self, seconds: float = PATIENCE) -> int:
        """Wait for the end of the broker; subprocess's return code."""
        assert self.broker is not None
        status = self.broker.wait(seconds)
        self.broker = None
        return status

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = PATIENCE) -> int:
        """Signal the broker and wait for its end."""
        assert self.broker is not None
        self.broker.send_signal(number)
        return self.wait_dead(seconds)

    def close(self) -> None:
        """End what runs, and remove the directories."""
        if self.broker is not None:
            self.broker.kill()
            self.wait_dead()
        shutil.rmtree(self.root, ignore_errors=True)

    # Asking

    def ask(self, op: str, seconds: float = PATIENCE, **fields: Any) -> dict[str, Any]:
        """One request on a connection of its own, as the commands do it."""
        return Client(self.uri).ask(op, seconds, **fields)

    def begin(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `flux ARGUMENTS`."""
        return subprocess.Popen([sys.executable, "-m", "cli.main", *arguments], cwd=ROOT,
                                env=self.environment, stdin=subprocess.DEVNULL, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip

    def flux(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `flux ARGUMENTS` to its end."""
        with self.begin(*arguments) as process:
            out, err = process.communicate(timeout=2 * PATIENCE)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def reload(self, timeout: float = PATIENCE, **fields: Any) -> dict[str, Any]:
        """Propose the files."""
        return self.ask("reload", 3 * PATIENCE, timeout=timeout, **fields)

    def load_module(self, name: str, path: Path = VOTER, timeout: float = PATIENCE) -> Any:
        """Load a module."""
        return self.ask("module-load", 3 * PATIENCE, name=name, path=str(path), timeout=timeout)

    def remove_module(self, name: str) -> Any:
        """Take a module out of the vote."""
        return self.ask("module-remove", 3 * PATIENCE, name=name)

    # Files

    def write(self, **do: str) -> int:
        """Write configuration files that nobody has seen before; their serial."""
        serial = next(_serials)
        deeds = "".join(f'{name} = "{deed}"\n' for name, deed in do.items())
        self.write_text(f"[voter]\nserial = {serial}\n\n[voter.do]\n{deeds}")
        return serial

    def write_text(self, text: str, name: str = "voter.toml") -> None:
        """Write a configuration file, whole or not at all."""
        draft = self.files / f".{name}"
        draft.write_text(text)
        draft.rename(self.files / name)

    # Looking

    @property
    def generation(self) -> int:
        """What the broker says is in force."""
        return int(self.ask("get")["generation"])

    def members(self) -> dict[str, dict[str, Any]]:
        """What `flux module list` shows, by name."""
        return {one["name"]: one for one in self.ask("modules")["modules"]}

    def wait_for(self, name: str, state: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until a module is in this state; what is shown of it."""

        def there() -> dict[str, Any] | None:
            member = self.members().get(name)
            return member if member is not None and member["state"] == state else None

        found: dict[str, Any] = until(there, seconds, f"{name} is {state}")
        return found

    def pid(self, name: str) -> int:
        """The process of a module."""
        return int(self.members()[name]["pid"])

    def kill_module(self, name: str) -> None:
        """Kill the process of a module, and wait until the next one is a member."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.wait_for(name, "running")["pid"] != pid, what=f"{name} is back")

    def diary_of(self, name: str = "") -> list[Record]:
        """What was written down, by one module or by all."""
        return [one for one in evidence.read(self.diary) if not name or one.module == name]

    def wait_for_record(self, name: str, what: str, digest: str = "") -> Record:
        """Wait until a module has written this down, about this configuration or any."""

        def there() -> Record | None:
            found = [one for one in self.diary_of(name)
                     if one.what == what and digest in ("", one.digest)]  # fmt: skip
            return found[-1] if found else None

        record: Record = until(there, what=f"{name} {what}")
        return record

    def rows(self) -> list[ledger_rows.Row]:
        """The decisions in the ledger."""
        return ledger_rows.read(self.statedir)

    def judge(self, *answers: verdicts.Answered) -> list[str]:
        """Every violation of a promise that shows in what is written down."""
        diary = self.diary_of()  # first: what is run while we read is judged next time
        return verdicts.history(self.rows(), diary, answers)

    def judge_at_rest(self, *answers: verdicts.Answered) -> list[str]:
        """The same, and that everybody has come to rest at what is in force."""
        found = self.judge(*answers)
        members = self.members().values()
        running = [one["name"] for one in members if one["state"] == "running"]
        diary = self.diary_of()
        writes = {one.module for one in diary}
        return [*found, *verdicts.all_run_what_is_in_force(self.rows(), self.ask("get"), members),
                *verdicts.diaries_agree(self.rows(), diary, writes & set(running))]  # fmt: skip

    def log_text(self) -> str:
        """What the broker and its modules have said on stderr."""
        return self.log.read_text(errors="replace") if self.log.is_file() else ""

    # Attached participants, which live in this process and so outlive any broker

    @contextmanager
    def attached(self, *names: str, make: Callable[[str], Module]) -> Iterator[list[Attachment]]:
        """Attach modules under these names, and wait until they count."""
        there = [attach(self.uri, make(name), name) for name in names]
        try:
            if self.broker is not None:
                for name in names:
                    self.wait_for(name, "running")
            yield there
        finally:
            for one in there:
                one.close()
