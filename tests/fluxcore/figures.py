# SPDX-License-Identifier: LGPL-3.0-or-later
"""Figures: what `flux config load` takes with stock Flux and with agents, and what an agent takes.

`python -m tests.fluxcore.figures [SIZE…]`, by default 1, 3 and 16 brokers with all modules of rc1.
"""

import statistics
import sys
import time
from pathlib import Path

from tests.fluxcore.instance import Instance

ROUNDS = 10
OWN = ("--no-rehearse",)


def main() -> None:
    """Print a line for each size."""
    for size in [int(word) for word in sys.argv[1:]] or [1, 3, 16]:
        instance = Instance(size)
        instance.rc = ()
        instance.start()
        try:
            _compare(instance)
        finally:
            instance.close()


def _compare(instance: Instance) -> None:
    stock = _loads(instance, 0)
    instance.up(*OWN)
    ours = _loads(instance, 100)
    agents = [_pss(instance.agent_pid(rank)) for rank in range(instance.size)]
    instance.accord("down")
    assert instance.accord("up").status == 0
    rehearsed = _loads(instance, 200)
    instance.accord("down")
    print(f"{instance.size} brokers: stock {stock}; agents {ours}; with rehearsal {rehearsed}; "
          f"PSS of agents {min(agents):.1f} to {max(agents):.1f} MB", flush=True)  # fmt: skip


def _loads(instance: Instance, first: int) -> str:
    """Wall times of `flux config load` of a change, which modules of rc1 take."""
    times = []
    for n in range(ROUNDS):
        tree = {"heartbeat": {"period": f"{2 + (first + n) / 1000}s"}}
        began = time.monotonic()
        done = instance.load(tree)
        times.append(1000 * (time.monotonic() - began))
        assert done.status == 0, done
    return f"{statistics.median(times):.0f} ms ({min(times):.0f} to {max(times):.0f})"


def _pss(pid: int) -> float:
    """Proportional set size in MB (proc(5), smaps_rollup)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the kernel does not tell")


if __name__ == "__main__":
    main()
