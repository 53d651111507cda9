# SPDX-License-Identifier: LGPL-3.0-or-later
"""`make explore`: all worlds, or one, for so many seconds each; with KEEP, a later run goes on."""

import argparse
import signal
import sys
import time
from pathlib import Path

from tests.exploration.kept import Kept, Unusable, code_digest
from tests.exploration.search import Report, Search
from tests.exploration.spec import Spec
from tests.exploration.worlds import WORLDS
from tests.support.garbage import collect_seldom

SLICE = 600.0
"""Seconds after which what was seen is written down, so that no more than that can be lost."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Run:
    """How long to go on with each world, and where to keep what it has seen."""

    def __init__(self, seconds: float, states: int, folder: str | None) -> None:
        self._seconds, self._states = seconds, states
        self._folder = Path(folder) if folder else None
        self._code = code_digest() if folder else ""
        self.interrupted = False

    def interrupt(self, *_: object) -> None:
        """To be called at any moment: what was seen is kept, and that is the end."""
        self.interrupted = True

    def explore(self, spec: Spec) -> Report:
        """Until all is seen, something is wrong, or the time is over.

        Raises Unusable where what is kept cannot be taken up.
        """
        kept = Kept(self._folder, spec, self._code) if self._folder else None
        search = (kept.take_up() if kept else None) or Search(spec)
        ends, most = time.monotonic() + self._seconds, self._states
        while not self._is_over(search.report, ends):
            search.run(
                lambda states, seconds: (
                    self.interrupted or states > most or seconds > SLICE or time.monotonic() > ends
                )
            )
            if kept and search.report.broken is None:  # else it is found again, as it should be
                kept.keep(search)
        return search.report

    def _is_over(self, report: Report, ends: float) -> bool:
        done = report.exhausted or report.broken is not None
        late = time.monotonic() > ends or report.states > self._states
        return done or late or self.interrupted


def main(arguments: list[str] | None = None) -> int:
    """Explore; 1 where something is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.exploration")
    parser.add_argument("--world", choices=WORLDS, metavar="NAME", help="default: all")
    parser.add_argument("--seconds", type=float, default=600.0, help="for each world")
    parser.add_argument("--states", type=int, default=5_000_000, help="of each world, at most")
    parser.add_argument("--keep", metavar="FOLDER", help="go on with what is there, and keep it")
    given = parser.parse_args(arguments)
    run = _Run(given.seconds, given.states, given.keep)
    before = {number: signal.signal(number, run.interrupt) for number in _SIGNALS}
    try:
        return _explore(run, [given.world] if given.world else list(WORLDS))
    except Unusable as error:
        print(f"{error}; remove it to begin anew", file=sys.stderr)
        return 2
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _explore(run: _Run, names: list[str]) -> int:
    failed = 0
    for name in names:
        report = run.explore(WORLDS[name])
        print(report, flush=True)
        if report.broken is not None:
            failed = 1
            print("\n\n".join(report.story))
        if run.interrupted:
            break
    return failed


if __name__ == "__main__":
    collect_seldom()
    sys.exit(main())
