# SPDX-License-Identifier: LGPL-3.0-or-later
"""`make bench`: the table on stdout, and the same as JSON in bench.json.

`--quick` takes a tenth of the rounds, to see that it works.
"""

import itertools
import json
import sys
import time
from pathlib import Path

from tests.bench import changes, commands, extras
from tests.bench.measure import Row

TARGETS = {"memory of the broker, 100 members": 60.0, "wake-ups of an idle broker": 0.0}


def main() -> None:
    """Measure, print, write."""
    scale = 0.1 if "--quick" in sys.argv else 1.0
    began = time.monotonic()
    print(f"{extras.machine()}\n")
    print(
        f"{'case':<32}{'floor ms':>10}{'p99':>9}{'ours ms':>10}{'p99':>9}{'ratio':>8}{'target':>8}"
    )
    rows = []
    for row in itertools.chain(changes.rows(scale), commands.rows(scale)):
        rows.append(row)
        target = f"{row.target:>8.1f}" + ("" if row.ratio <= row.target else "  missed")
        print(f"{row.case:<32}{row.floor:>10.2f}{row.floor_p99:>9.2f}{row.ours:>10.2f}"
              f"{row.ours_p99:>9.2f}{row.ratio:>8.2f}{target}", flush=True)  # fmt: skip
    print()
    figures = [*_slope(rows), *extras.lines(5.0 * max(scale, 0.2))]
    for name, figure, unit in figures:
        print(f"{name:<44}{figure:>10.2f} {unit}", flush=True)
    Path("bench.json").write_text(json.dumps({
        "machine": extras.machine(),
        "seconds": time.monotonic() - began,
        "rows": [row.as_json() for row in rows],
        "figures": [dict(zip(("name", "figure", "unit"), row, strict=True)) for row in figures],
    }, indent=1))  # fmt: skip


def _slope(rows: list[Row]) -> list[tuple[str, float, str]]:
    """What one member more costs; it must not grow with their number."""
    by_members = {
        n: next(row for row in rows if row.case.startswith(f"N = {n},")) for n in (1, 10, 100, 1000)
    }
    return [
        (f"cost per member, from {few} to {many}",
         (by_members[many].ours - by_members[few].ours) / (many - few) * 1e3, "µs")
        for few, many in ((1, 10), (10, 100), (100, 1000))
    ]  # fmt: skip


if __name__ == "__main__":
    main()
