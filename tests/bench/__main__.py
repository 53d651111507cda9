# SPDX-License-Identifier: LGPL-3.0-or-later
"""`make bench`: the table on stdout, and the same as JSON in bench.json."""

import argparse
import itertools
import json
import time
from pathlib import Path

from tests.bench import changes, commands, disk, extras
from tests.bench.measure import Row


def main() -> None:
    """Measure, print, write."""
    options = _parser().parse_args()
    scale = 0.1 if options.quick else 1.0
    wanted = [
        case
        for case in itertools.chain(changes.cases(), disk.cases(), commands.cases())
        if any(options.case in name for name in case.names)
    ]
    if not wanted:
        raise SystemExit(f"no case has {options.case!r} in its name; --list lists them")
    if options.list:
        print(*(name for case in wanted for name in case.names), sep="\n")
        return
    began = time.monotonic()
    print(f"{extras.machine()}\n")
    print(
        f"{'case':<34}{'floor ms':>10}{'p99':>9}{'ours ms':>10}{'p99':>9}{'ratio':>8}{'target':>8}"
    )
    rows = [_printed(row) for case in wanted for row in case.rows(scale)]
    print()
    figures = [*_slope(rows)]
    if not options.case:
        figures += extras.lines(5.0 * max(scale, 0.2))
    for name, figure, unit in figures:
        print(f"{name:<44}{figure:>10.2f} {unit}", flush=True)
    Path("bench.json").write_text(json.dumps({
        "machine": extras.machine(),
        "seconds": time.monotonic() - began,
        "rows": [row.as_json() for row in rows],
        "figures": [dict(zip(("name", "figure", "unit"), row, strict=True)) for row in figures],
    }, indent=1))  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Times each case beside a floor, in turn; both and their ratio are printed.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--case", default="", metavar="TEXT", help="only cases with this in their name"
    )
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds")
    return parser


def _printed(row: Row) -> Row:
    target = f"{row.target:>8.1f}" + ("" if row.ratio <= row.target else "  missed")
    print(f"{row.case:<34}{row.floor:>10.2f}{row.floor_p99:>9.2f}{row.ours:>10.2f}"
          f"{row.ours_p99:>9.2f}{row.ratio:>8.2f}{target}", flush=True)  # fmt: skip
    return row


def _slope(rows: list[Row]) -> list[tuple[str, float, str]]:
    """What one member more costs; it must not grow with their number."""
    found = {row.case: row.ours for row in rows}
    names = [(1, "N = 1, 2 KB"), (10, "N = 10, 2 KB"), (100, "N = 100, 2 KB"),
             (1000, "N = 1000, 2 KB, 4 processes")]  # fmt: skip
    known = [(members, found[name]) for members, name in names if name in found]
    return [
        (f"cost per member, from {few} to {many}", (more - less) / (many - few) * 1e3, "µs")
        for (few, less), (many, more) in itertools.pairwise(known)
    ]


if __name__ == "__main__":
    main()
