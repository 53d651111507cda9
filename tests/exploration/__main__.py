# SPDX-License-Identifier: LGPL-3.0-or-later
"""`make explore`: all worlds, or one, for so many seconds each."""

import argparse
import sys

from tests.exploration.search import Search
from tests.exploration.worlds import WORLDS


def main() -> int:
    """Explore; 1 where something is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.exploration")
    parser.add_argument("--world", help="one world by name; default: all")
    parser.add_argument("--seconds", type=float, default=600.0, help="for each world")
    parser.add_argument("--states", type=int, default=5_000_000, help="for each world")
    given = parser.parse_args()
    failed = 0
    for name in [given.world] if given.world else WORLDS:
        report = Search(WORLDS[name]).run(
            lambda states, seconds: states > given.states or seconds > given.seconds
        )
        print(report, flush=True)
        if report.broken is not None:
            failed = 1
            print("\n\n".join(report.story))
    return failed


if __name__ == "__main__":
    sys.exit(main())
