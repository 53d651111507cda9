# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux module trace`: the messages between the broker and its modules, as they pass."""

import argparse
import json
import sys
from typing import Any

from cli.client import Client, Trouble
from cli.options.completers import complete_by, known_modules
from cli.options.parser import Parser
from cli.output.colour import Painter, add_colour
from cli.output.follow import follow
from cli.output.moments import Timestamps, add_human
from cli.streams import show
from protocol.reasons import printable

_HERE = ("request", "response")
_ARROWS = {"request": ">", "response": "<"}
_UNITS = ((1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))


def build_trace(parser: Parser) -> None:
    """Describe `trace`."""
    parser.description = (
        "Show messages that the named modules, or all, send (tx) and get (rx), until interrupted:\n"
        "> is a request, < is the response to one.  A module may be named before it is loaded."
    )
    parser.add_argument("-f", "--full", action="store_true", help="with what is in each message")
    parser.add_argument(
        "-T", "--topic", metavar="GLOB", default="*", help="only topics (NAME.MESSAGE) like this"
    )
    parser.add_argument(
        "-t",
        "--type",
        metavar="TYPE,...",
        action="append",
        default=[],
        help="only these: request, response",
    )
    add_human(parser)
    add_colour(parser)
    names = parser.add_argument("names", metavar="MODULE", nargs="*")
    complete_by(names, known_modules)
    parser.set_defaults(run=trace)


def trace(options: argparse.Namespace) -> int:
    """Run `flux module trace` until it is interrupted or the broker ends."""
    moments = Timestamps(options)
    painter = Painter(options.color, sys.stdout)
    client = Client()
    client.send(
        "module-trace",
        names=options.names,
        types=_types(options.type),
        topic=options.topic,
        full=options.full,
    )
    width = max(map(len, options.names), default=0)
    return follow(client, lambda told: _print(told, width, moments, painter))


def _types(given: list[str]) -> list[str]:
    types = [name for text in given for name in text.split(",")]
    for name in types:
        if name in ("event", "control"):
            raise Trouble(f"--type={name}: no module here sends or gets any")
        if name not in _HERE:
            raise Trouble(f"valid types: {', '.join(_HERE)}")
    return types


def _print(told: dict[str, Any], width: int, moments: Timestamps, painter: Painter) -> None:
    text = summary(told, width)
    if "payload" in told:
        text += "\n" + json.dumps(told["payload"], indent=2, ensure_ascii=False)
    failed = told.get("outcome", "success") != "success"
    style = "failure" if failed else str(told["type"])
    shown = "\n".join(printable(line) for line in text.split("\n"))
    show(f"{moments.short(told['at'], painter)} {painter(style, shown)}")


def summary(told: dict[str, Any], width: int) -> str:
    """One message in one line, as src/cmd/flux-module.c has it."""
    text = (
        f"{told['name']:>{width}} {told['way']} {_ARROWS[told['type']]} {told['topic']} "
        f"[{_size(told['size'])}]"
    )
    return f"{text} {told['outcome']}" if "outcome" in told else text


def _size(size: int) -> str:
    for unit, letter in _UNITS:
        if size >= unit:
            return f"{size / unit:.4g}{letter}"
    return str(size)
