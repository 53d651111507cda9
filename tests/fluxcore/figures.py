# SPDX-License-Identifier: LGPL-3.0-or-later
"""Figures: what `flux config load` takes with stock Flux and with agents, and what agents take.

`python -m tests.fluxcore.figures [SIZE…]`, by default 1, 3 and 16 brokers with all modules of rc1.
Three instances run side by side and are changed in turn, so that all have the same machine.
"""

import os
import statistics
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.fluxcore.instance import Instance

ROUNDS = 20
WARM = 3
KINDS = {"stock": None, "--no-rehearse": ("--no-rehearse",), "agents": ()}
"""Options of `flux accord up`; None: no agents."""


def main() -> None:
    """Print some lines for each size."""
    for size in [int(word) for word in sys.argv[1:]] or [1, 3, 16]:
        with ExitStack() as opened:
            _compare({kind: _started(opened, size, up) for kind, up in KINDS.items()})


def _started(opened: ExitStack, size: int, up: tuple[str, ...] | None) -> Instance:
    instance = Instance(size)
    instance.rc = ()
    opened.callback(instance.close)
    instance.start()
    if up is not None:
        done = instance.accord("up", *up)
        assert done.status == 0, done
    return instance


def _compare(instances: dict[str, Instance]) -> None:
    command: dict[str, list[float]] = {kind: [] for kind in instances}
    request: dict[str, list[float]] = {kind: [] for kind in instances}
    disk: list[float] = []
    any_one = next(iter(instances.values()))
    with (any_one.root / "disk").open("wb") as file:
        for number in range(WARM + ROUNDS):
            disk.append(_synced(file.fileno()))
            for kind, instance in instances.items():
                command[kind].append(_command(instance, 2 * number))
                request[kind].append(_request(instance, 2 * number + 1))
    size = any_one.size
    for kind, instance in instances.items():
        print(f"{size} brokers, {kind}: {_shown(command[kind])}, the request alone "
              f"{_shown(request[kind])}", flush=True)  # fmt: skip
        if kind != "stock":
            pss = [_pss(instance.agent_pid(rank)) for rank in range(size)]
            beside = sum(map(_pss, _beside(instance)))
            print(f"    PSS of agents {min(pss):.1f} to {max(pss):.1f} MB; of what is kept for the "
                  f"next rehearsal {beside:.1f} MB", flush=True)  # fmt: skip
    print(f"    8 KB written and forced to this disk: {_shown(disk)}", flush=True)


def _tree(number: int) -> dict[str, dict[str, str]]:
    """One key that modules of rc1 take."""
    return {"heartbeat": {"period": f"{2 + number / 1000}s"}}


def _command(instance: Instance, number: int) -> float:
    """Wall time of `flux config load`."""
    began = time.monotonic()
    done = instance.load(_tree(number))
    took = time.monotonic() - began
    assert done.status == 0, done
    return took


def _request(instance: Instance, number: int) -> float:
    """The same without the start of a command."""
    handle = instance.handle(0)
    began = time.monotonic()
    handle.call("config.load", _tree(number), 0, 60.0)
    return time.monotonic() - began


def _synced(descriptor: int) -> float:
    """What the disk alone takes of one decision."""
    began = time.monotonic()
    os.write(descriptor, bytes(8192))
    os.fdatasync(descriptor)
    return time.monotonic() - began


def _shown(seconds: list[float]) -> str:
    times = sorted(1000 * taken for taken in seconds[WARM:])
    return f"{statistics.median(times):.1f} ms ({times[0]:.1f} to {times[-1]:.1f})"


def _beside(instance: Instance) -> list[int]:
    """The processes of an instance that is kept for the next rehearsal."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            known = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            if f"{instance.root}/flux-accord-rehearsal-".encode() in known:
                found.append(int(entry.name))
    return found


def _pss(pid: int) -> float:
    """Proportional set size in MB (proc(5), smaps_rollup)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel does not tell")


if __name__ == "__main__":
    main()
