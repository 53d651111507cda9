# SPDX-License-Identifier: LGPL-3.0-or-later
"""Lives of a ledger, one after the other, in a directory whose writes are written down."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.power import journal
from tests.chaos.power.journal import Disk
from tests.support.client_calls import ROOT
from tests.support.patience import PATIENCE


@dataclass(frozen=True, slots=True)
class Lives:
    """What happened in `directory`, which was empty, is in `path`."""

    directory: Path
    path: Path
    disk: Disk

    @classmethod
    def begin(cls, root: Path) -> "Lives":
        """In a new directory below `root`."""
        directory = root / "state"
        directory.mkdir(mode=0o700)
        return cls(directory, root / "journal", Disk(directory))

    def live(self, library: Path, seed: int, steps: int, *wrong: str, fail_sync: int = 0) -> int:
        """Run one life to its end; how it ended.  `wrong`: a bug, and when the disk fails."""
        environment = {**os.environ, **journal.environment(library, self.directory, self.path),
                       "PYTHONPATH": str(ROOT),
                       "POWER_FAIL_FILE": str(self.path.with_name("fail"))}  # fmt: skip
        if fail_sync:
            environment["POWER_FAIL_SYNC"] = str(fail_sync)
        command = [sys.executable, "-m", "tests.chaos.power.writer", str(self.directory),
                   str(seed), str(steps), *wrong]  # fmt: skip
        return subprocess.run(command, env=environment, timeout=PATIENCE).returncode
