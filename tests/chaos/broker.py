# SPDX-License-Identifier: LGPL-3.0-or-later
"""A broker that can be struck at any of its effects, and judged by what is written down of it."""

import itertools
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from participant.runtime.attachment import Attachment, attach
from tests.chaos import evidence, ledger_rows, verdicts
from tests.chaos.attached_participant import AttachedParticipant
from tests.chaos.evidence import Record
from tests.support.broker import RunningBroker
from tests.support.outcome import expect
from tests.support.patience import PATIENCE, until

FAULTY = Path(__file__).parent / "faulty_modules"
VOTER, PLAIN, HASTY = FAULTY / "voter.py", FAULTY / "plain.py", FAULTY / "hasty.py"

PATIENT = {"PREPARE_SECONDS": PATIENCE, "COMMIT_SECONDS": PATIENCE, "START_SECONDS": PATIENCE,
           "REJOIN_SECONDS": PATIENCE / 4}  # fmt: skip
"""The product's limits that a busy machine could reach; a test that is about one says its own."""
BRISK = ("--limit", "RESTART_DEATHS=1000", "--limit", "RESTART_FIRST_SECONDS=0.01",
         "--limit", "RESTART_LONGEST_SECONDS=0.01")  # fmt: skip
"""Modules that die are started again at once, however often."""

_serials = itertools.count(1)


class ChaosBroker(RunningBroker):
    """Its configuration is what the module Voter reads: a serial, and deeds by name."""

    def __init__(self) -> None:
        super().__init__()
        self.plans = self.root / "plans"
        self.plans.mkdir(mode=0o700)
        self.diary = self.root / "records"
        self.before: list[str] = []
        """Words to crash_process that come before the broker."""
        self.environment[evidence.VARIABLE] = str(self.diary)
        self.write()

    # The broker's life

    def launch(self, *options: str, modules: tuple[str, ...] = (), path: Path = VOTER) -> None:
        """Start a broker, without waiting for it."""
        patient = [word for name, seconds in PATIENT.items()
                   for word in ("--limit", f"{name}={seconds}")]  # fmt: skip
        command = [sys.executable, "-m", "tests.chaos.crash_process", *self.before, "broker",
                   "--rundir", str(self.rundir), "--statedir", str(self.statedir),
                   "--plans", str(self.plans), "--config", str(self.files),
                   *patient, *options]  # fmt: skip
        for name in modules:
            command += ["--module", f"{name}={path}"]
        self.spawn(command)

    def start(self, *options: str, modules: tuple[str, ...] = ()) -> Self:
        """Start a broker and wait until it lets clients in."""
        self.launch(*options, modules=modules)
        self.wait_until_open()
        return self

    def start_real(self, *program: str) -> int:
        """Start `flux broker`, which forks its modules from a warm process; its pid."""
        self.spawn([*self.command(), *program])
        self.wait_until_open()
        assert self.process is not None
        return self.process.pid

    def close(self) -> None:
        """End what runs, and remove the directories."""
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.root, ignore_errors=True)

    # Asking

    def load_module(self, name: str, path: Path = VOTER, timeout: float = PATIENCE) -> Any:
        """Load a module."""
        return self.ask("module-load", 3 * PATIENCE, name=name, path=str(path), timeout=timeout)

    def has_loaded(self, name: str, path: Path = VOTER) -> None:
        """Load a module, which must succeed."""
        expect(self.load_module(name, path), "loaded")

    def commits(self, timeout: float = PATIENCE, **fields: Any) -> dict[str, Any]:
        """Propose the files, which must be committed and applied; the outcome."""
        return expect(self.reload(timeout, **fields), "committed")

    def refuses(self, timeout: float = PATIENCE, **fields: Any) -> dict[str, Any]:
        """Propose the files, which must be refused; the outcome."""
        return expect(self.reload(timeout, **fields), "refused")

    # Files

    def write_text(self, text: str, name: str = "voter.toml") -> None:
        """Write a configuration file, whole or not at all."""
        super().write_text(text, name)

    def write(self, **do: str) -> int:
        """Write configuration files that nobody has seen before; their serial."""
        serial = next(_serials)
        deeds = "".join(f'{name} = "{deed}"\n' for name, deed in do.items())
        self.write_text(f"[voter]\nserial = {serial}\n\n[voter.do]\n{deeds}")
        return serial

    # Looking

    def kill_module(self, name: str) -> None:
        """Kill the process of a module, and wait until the next one is a member."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.wait_for(name, "running")["pid"] != pid, f"{name} is back")

    def diary_of(self, name: str = "") -> list[Record]:
        """What was written down, by one module or by all."""
        return [record for record in evidence.read(self.diary) if name in ("", record.module)]

    def wait_for_record(self, name: str, what: str, digest: str = "") -> Record:
        """Wait until a module has written this down, about this configuration or any."""

        def there() -> Record | None:
            records = [record for record in self.diary_of(name)
                       if record.what == what and digest in ("", record.digest)]  # fmt: skip
            return records[-1] if records else None

        record: Record = until(there, f"{name} {what}")
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
        violations = self.judge(*answers)
        members = self.members().values()
        running = [member["name"] for member in members if member["state"] == "running"]
        diary = self.diary_of()
        writes = {record.module for record in diary}
        return [*violations,
                *verdicts.all_run_what_is_in_force(self.rows(), self.ask("get"), members),
                *verdicts.diaries_agree(self.rows(), diary, writes & set(running))]  # fmt: skip

    # Attached participants, which live in this process and so outlive any broker

    @contextmanager
    def attached(self, *names: str) -> Iterator[list[Attachment]]:
        """Attach participants under these names, and wait until they count."""
        there = [attach(self.uri, AttachedParticipant(name, self.diary), name) for name in names]
        try:
            if self.process is not None:
                for name in names:
                    self.wait_for(name, "running")
            yield there
        finally:
            for attachment in there:
                attachment.close()
