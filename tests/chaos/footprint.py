# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a process holds: memory and descriptors, as the kernel counts them (proc(5))."""

import os
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Footprint:
    """Resident memory in KiB, and open descriptors."""

    memory: int
    descriptors: int

    def __str__(self) -> str:
        return f"{self.memory / 1024:.1f} MiB, {self.descriptors} descriptors"


def of(pid: int) -> Footprint:
    """The footprint of a process now."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return Footprint(int(found[1]), len(os.listdir(f"/proc/{pid}/fd")))
