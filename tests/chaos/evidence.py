# SPDX-License-Identifier: LGPL-3.0-or-later
"""What participants write down, at once and for good, so that the judges need not believe anybody.

One JSON object a line, one write(2) with O_APPEND each: the order of the lines is the order in
which things happened, over all processes, and a SIGKILL loses no line that was written.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from protocol.configuration import Configuration

VARIABLE, NAME_VARIABLE = "CHAOS_RECORDS", "CHAOS_NAME"

What = Literal["accepted", "refused", "ran", "released", "struck"]


@dataclass(frozen=True, slots=True)
class Record:
    """`module` did `what` with the configuration of this digest."""

    module: str
    pid: int
    what: What
    digest: str
    at: float
    """Seconds of the monotonic clock, the same in all processes."""


def digest_of(config: Mapping[str, Any]) -> str:
    """The digest of a whole configuration as a module is shown it."""
    return Configuration.of(config).digest


def own_name() -> str:
    """The name under which this module's process was started."""
    return os.environ[NAME_VARIABLE]


def write(module: str, what: What, digest: str, path: str | None = None) -> None:
    """Add a line to the records at `path` (default: where the environment says)."""
    record = Record(module, os.getpid(), what, digest, time.monotonic())
    where = path or os.environ[VARIABLE]
    descriptor = os.open(where, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, json.dumps(asdict(record)).encode() + b"\n")
    finally:
        os.close(descriptor)


def read(path: Path) -> list[Record]:
    """All records, oldest first."""
    if not path.exists():
        return []
    return [Record(**json.loads(line)) for line in path.read_text().splitlines()]
