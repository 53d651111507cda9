# SPDX-License-Identifier: LGPL-3.0-or-later
"""The options --human and --delta of Flux's commands: moments as people read them."""

import argparse
from datetime import datetime

from cli.client import Trouble
from cli.output.colour import Painter

_MINUTE = 60


def add_human(parser: argparse.ArgumentParser) -> None:
    """The options --human and --delta."""
    parser.add_argument(
        "-H", "--human", action="store_true", help="show moments as people read them"
    )
    parser.add_argument(
        "-d", "--delta", action="store_true", help="with --human: the time since the line before"
    )


class Timestamps:
    """Shows one moment after the other; each line knows of those before it."""

    def __init__(self, options: argparse.Namespace) -> None:
        """`options` has `human` and `delta`.  Raises Trouble for the second without the first."""
        if options.delta and not options.human:
            raise Trouble("--delta can only be used with --human")
        self._human = options.human
        self._delta = options.delta
        self._minute: int | None = None
        self._last = 0.0

    def exact(self, at: float, painter: Painter) -> str:
        """To the microsecond, with the offset of local time, as `flux dmesg` shows it."""
        if self._human:
            return self._for_people(at, painter)
        moment = datetime.fromtimestamp(at).astimezone()
        text = moment.isoformat(timespec="microseconds")
        return painter("time", text.replace("+00:00", "Z"))

    def short(self, at: float, painter: Painter) -> str:
        """To the millisecond in local time, as `flux module trace` shows it."""
        if self._human:
            return self._for_people(at, painter)
        return painter("time", datetime.fromtimestamp(at).isoformat(timespec="milliseconds"))

    def _for_people(self, at: float, painter: Painter) -> str:
        """The date where a minute begins, within it the seconds since."""
        minute = int(at // _MINUTE)
        if minute == self._minute:
            since = at - self._last
            if self._delta:
                self._last = at
            return painter("time", f"[{since:+11.6f}]")
        self._minute, self._last = minute, at
        return painter("minute", f"[{datetime.fromtimestamp(at):%b%d %H:%M}]")
