# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux dmesg`: the broker's recent log lines, oldest first."""

import json

from cli.client import Client, Trouble, complain
from cli.options.parser import Parser
from protocol.reasons import printable


def main(_command: str, arguments: list[str]) -> int:
    """Run `flux dmesg`; the exit status."""
    options = parser("dmesg").parse_args(arguments)
    try:
        lines = Client().ask("dmesg")["lines"]
    except Trouble as trouble:
        complain("dmesg", str(trouble))
        return 1
    for line in lines:
        if options.json:
            print(json.dumps(line))
            continue
        shown = [
            f"{key}={value}"
            for key, value in line.items()
            if key not in ("event", "timestamp", "level")
        ]
        text = f"{line['timestamp']} {line['level']}: {line['event']} {' '.join(shown)}"
        print(printable(text))
    return 0


def parser(_command: str) -> Parser:
    """Its parser."""
    parser = Parser("flux dmesg", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser
