# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux dmesg`: the broker's recent log lines, oldest first."""

import argparse
import json
import sys
from datetime import datetime
from typing import Any

from cli.client import Client, Trouble, complain
from cli.options.parser import Parser
from cli.output.colour import Painter, add_colour
from cli.output.follow import follow
from cli.output.moments import Timestamps, add_human
from cli.streams import show
from protocol.reasons import printable

_SEVERITIES = {"error": "err", "critical": "crit"}
"""Flux's names for levels that are called otherwise here."""
_KNOWN = ("event", "timestamp", "level")


def main(_command: str, arguments: list[str]) -> int:
    """Run `flux dmesg`; the exit status."""
    options = parser("dmesg").parse_args(arguments)
    try:
        return _dmesg(options)
    except Trouble as trouble:
        complain("dmesg", str(trouble))
        return 1


def parser(_command: str) -> Parser:
    """Its parser."""
    parser = Parser("flux dmesg", description=__doc__)
    parser.add_argument("-C", "--clear", action="store_true", help="forget them, print nothing")
    parser.add_argument(
        "-c", "--read-clear", action="store_true", help="forget them once they are printed"
    )
    parser.add_argument(
        "-f", "--follow", action="store_true", help="go on with new ones as they come"
    )
    parser.add_argument("-n", "--new", action="store_true", help="only new ones: leave out the old")
    add_human(parser)
    add_colour(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def _dmesg(options: argparse.Namespace) -> int:
    shown = _Lines(options)
    if options.clear:
        Client().ask("dmesg-clear")
        return 0
    client = Client()
    if options.follow:
        client.send("dmesg", follow=True, new=options.new)
        return follow(client, lambda told: shown.print(told["line"]))
    for line in client.ask("dmesg", new=options.new)["lines"]:
        shown.print(line)
    if options.read_clear:
        sys.stdout.flush()  # what cannot be printed is not forgotten
        client.ask("dmesg-clear")
    return 0


class _Lines:
    """Prints lines of the log in one of their forms."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._json = options.json
        self._moments = Timestamps(options)
        self._painter = Painter(options.color, sys.stdout)

    def print(self, line: dict[str, Any]) -> None:
        """Print one."""
        if self._json:
            print(json.dumps(line), flush=True)
            return
        at = datetime.fromisoformat(line["timestamp"]).timestamp()
        severity = _SEVERITIES.get(line["level"], line["level"])
        who = self._painter("name", f"broker.{severity}[0]")
        text = self._painter(severity, printable(message(line)))
        show(f"{self._moments.exact(at, self._painter)} {who}: {text}")


def message(line: dict[str, Any]) -> str:
    """What a line says, without when and how loud."""
    fields = (f"{key}={value}" for key, value in line.items() if key not in _KNOWN)
    return " ".join((str(line["event"]), *fields))
