# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux module stats`: what a module tells of itself, or one value of it for a script."""

import argparse
import json
from typing import Any

from cli.client import SLACK_SECONDS, Client, Trouble
from cli.options.completers import complete_by, loaded_modules
from cli.options.duration import add_timeout
from cli.options.parser import Parser

_WHOSE = ("self", "children", "thread")


def build_stats(parser: Parser) -> None:
    """Describe `stats`."""
    parser.description = (
        "Ask a module how it is and print what it tells as JSON.  A whole number is printed\n"
        "without, another number with six places after the point, as Flux prints them."
    )
    parser.add_argument("-p", "--parse", metavar="OBJNAME", help="print only this part (dotted)")
    parser.add_argument(
        "-t", "--type", metavar="TYPE", choices=("int", "double"), help="print an int or a double"
    )
    parser.add_argument(
        "-s", "--scale", metavar="N", type=float, default=1.0, help="multiply a number by N"
    )
    parser.add_optional_value(
        "-R",
        "--rusage",
        "self",
        metavar="[WHOSE]",
        choices=_WHOSE,
        help="what its process has used instead: self (default), children or thread",
    )
    parser.add_argument("-c", "--clear", action="store_true", help="set its counters to zero")
    parser.add_argument(
        "-C", "--clear-all", action="store_true", help="the same on all ranks, of which there is 1"
    )
    add_timeout(parser)
    complete_by(parser.add_argument("module", metavar="MODULE"), loaded_modules)
    parser.set_defaults(run=stats)


def stats(options: argparse.Namespace) -> int:
    """Run `flux module stats`; the exit status."""
    if options.clear or options.clear_all:
        _ask(options, "module-clear")
        return 0
    fields = {"rusage": options.rusage} if options.rusage else {}
    told = part(_ask(options, "module-stats", **fields), options.parse)
    print(shown(told, options.type, options.scale))
    return 0


def _ask(options: argparse.Namespace, op: str, **fields: str) -> Any:
    seconds = options.timeout + SLACK_SECONDS
    answer = Client().ask(op, seconds, name=options.module, timeout=options.timeout, **fields)
    return answer["told"]


def part(told: Any, path: str | None) -> Any:
    """What is at a dotted path; numbers are places in an array.  Raises Trouble."""
    for step in path.split(".") if path else ():
        if isinstance(told, dict) and step in told:
            told = told[step]
        elif isinstance(told, list) and step.isdigit() and int(step) < len(told):
            told = told[int(step)]
        else:
            raise Trouble(f"`{path}' not found in response")
    return told


def shown(told: Any, kind: str | None, scale: float) -> str:
    """What is printed, by the rules of src/cmd/flux-module.c: no number counts as 0 there."""
    is_number = isinstance(told, int | float) and not isinstance(told, bool)
    number = float(told) * scale if is_number else 0.0
    if kind == "int" or (is_number and isinstance(told, int)):
        return str(int(number))
    if kind == "double" or isinstance(told, float):
        return f"{number:f}"
    return json.dumps(told, indent=1, ensure_ascii=False)
