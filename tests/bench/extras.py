# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is printed beside the ratios: throughput, memory, idleness, the time from death to Abort."""

import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from protocol import limits
from tests.bench.ours import Ours

MODULE = """
import os, time
from participant import Module

class Quiet(Module):
    '''Does nothing, unless it is to die of a candidate.'''
    name = "quiet"
    def prepare(self, new, config):
        if config.get("die"):
            open(config["die"], "w").write(str(time.monotonic()))
            os.kill(os.getpid(), 9)
"""


def memory(pid: int, field: str) -> float:
    """A line of /proc/PID/smaps_rollup (proc(5)), in MB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise ValueError(field)


def wakeups(pid: int) -> int:
    """Voluntary switches of all threads of a process: each is one sleep that ended."""
    count = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches"):
                count += int(line.split()[1])
    return count


def lines(seconds: float) -> Iterator[tuple[str, float, str]]:
    """Name, figure, unit."""
    with tempfile.TemporaryDirectory() as folder, Ours(100, 100, 2048, folder) as ours:
        for _ in range(10):
            ours.change()
        until, count = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            ours.change()
            count += 1
        yield "changes back to back, N = 100", count / seconds, "/s"
        yield "memory of the broker, 100 members", memory(ours.broker_pid, "Rss"), "MB RSS"
    with tempfile.TemporaryDirectory() as folder, Ours(0, 0, 2048, folder) as ours:
        yield from _modules(ours, Path(folder), seconds)


def _modules(ours: Ours, folder: Path, seconds: float) -> Iterator[tuple[str, float, str]]:
    path = folder / "quiet.py"
    path.write_text(MODULE)
    for number in range(20):
        ours.load_module(str(path), f"quiet{number}")
    pids = [module["pid"] for module in ours.modules()]
    yield "memory of a module process", statistics.median(memory(p, "Pss") for p in pids), "MB PSS"
    # Each request leaves a wake-up behind, at the deadline that it no longer needs.
    time.sleep(limits.PREPARE_SECONDS + 1)
    before, modules_before = wakeups(ours.broker_pid), sum(map(wakeups, pids))
    time.sleep(seconds)
    yield "wake-ups of an idle broker", (wakeups(ours.broker_pid) - before) / seconds, "/s"
    woken = sum(map(wakeups, pids)) - modules_before
    yield "wake-ups of 20 idle modules, together", woken / seconds, "/s"
    for number in range(1, 20):
        ours.remove_module(f"quiet{number}")
    times = [_death(ours, folder / f"died{turn}") for turn in range(4)]
    yield "from a module's death to the answer", statistics.median(times) * 1e3, "ms"


def _death(ours: Ours, note: Path) -> float:
    answered = ours.refused({"die": str(note)})
    died = float(note.read_text())
    ours.await_running(1)
    return answered - died


def machine() -> str:
    """The processor, its cores, and the kernel."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    model = models[0] if models else "unknown processor"
    cores = subprocess.run(["nproc"], capture_output=True, text=True, check=True).stdout.strip()
    kernel = subprocess.run(["uname", "-sr"], capture_output=True, text=True, check=True).stdout
    return f"{model}, {cores} cores, {kernel.strip()}"
