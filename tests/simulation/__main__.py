# SPDX-License-Identifier: LGPL-3.0-or-later
"""`python -m tests.simulation --seed N | --seeds N [--from N] [--pieces FILE] [--sqlite] …`.

One seed is told as a story; many are run, in as many processes as there are processors, and the
first that fails is made small, told, and named, so that it can be run again.  With `--pieces` a
long run is cut into pieces, which are kept in FILE, so that it can be broken off and taken up.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from tests.simulation.campaign import Campaign, Total
from tests.simulation.ledger import MemoryStore
from tests.simulation.mutants.all import MUTANTS, mutated
from tests.simulation.pieces import PIECE, Pieces, source_digest
from tests.simulation.report import story_of
from tests.simulation.run import MakeStore, run
from tests.simulation.sqlite_store import SqliteStore
from tests.support.garbage import collect_seldom

_REPORT_SECONDS = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where every promise held."""
    options = _parser().parse_args(arguments)
    store: MakeStore = SqliteStore if options.sqlite else MemoryStore
    with mutated(options.mutant):
        if options.seed is not None:
            return _one(options.seed, store)
        if options.pieces is not None:
            return _pieces(options, store)
        return _many(options, store)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--seed", type=int, help="run this seed and tell what happens")
    what.add_argument("--seeds", type=int, help="run so many seeds")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of them")
    parser.add_argument("--pieces", metavar="FILE", help="keep finished pieces, leave them out")
    parser.add_argument("--piece", type=int, default=PIECE, help=f"seeds of one ({PIECE})")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="with this bug planted")
    parser.add_argument("--sqlite", action="store_true", help="on the real ledger; slower")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    return parser


def _one(seed: int, store: MakeStore) -> int:
    result = run(seed, make_store=store)
    if result.finding is None:
        print("\n".join(result.trace.text()))
        print(f"seed {seed}: {result.steps} steps, {result.commits} commits, violations=0")
        return 0
    print(story_of(result, store))
    return 1


def _many(options: argparse.Namespace, store: MakeStore) -> int:
    began = time.monotonic()
    reported = began

    def progress(total: Total) -> bool:
        nonlocal reported
        if time.monotonic() - reported > _REPORT_SECONDS:
            reported = time.monotonic()
            print(f"… {total} in {reported - began:.0f} s", flush=True)
        return False

    campaign = Campaign(store, options.mutant, options.jobs)
    total = campaign.run(options.first, options.seeds, progress)
    seconds = time.monotonic() - began
    print(f"{total} in {seconds:.1f} s ({total.seeds / max(seconds, 1e-9):.0f} seeds/s)")
    if total.failing is None:
        return 0
    result = run(total.failing, make_store=store)
    print(story_of(result, store))
    return 1


def _pieces(options: argparse.Namespace, store: MakeStore) -> int:
    given = source_digest(options.mutant, store.__name__)
    try:
        pieces = Pieces(options.pieces, given, Campaign(store, options.mutant, options.jobs))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    began = time.monotonic()
    try:
        for piece in pieces.run(options.first, options.seeds, options.piece):
            print(f"… seeds {piece.first} to {piece.end - 1}: {piece.total}", flush=True)
    except KeyboardInterrupt:
        print(f"broken off; finished pieces are in {options.pieces}")
        return 130
    finally:
        print("\n".join(pieces.report()))
        print(f"{time.monotonic() - began:.0f} s this time")
    for seed in pieces.failing:
        print(f"seed {seed} breaks a promise: --seed {seed} tells how")
    return 1 if pieces.failing else 0


if __name__ == "__main__":
    collect_seldom()
    sys.exit(main())
