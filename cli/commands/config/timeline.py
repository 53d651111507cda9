# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config timeline`: a change drawn, as text or, with the history, as a page."""

import argparse
import json
import re
import shutil
import sys
import time
from typing import Any

from cli.client import Client
from cli.output.timeline_text import PLAIN_WIDTH, lines
from protocol import limits

_LOOK_SECONDS = 60.0
"""Time for what lies on a disk."""
_ON_A_PAGE = 20
_TXID = re.compile(r"\d+\.\d+(\.\w+)?", re.ASCII)


def build_timeline(parser: argparse.ArgumentParser) -> None:
    """Describe `timeline`."""
    parser.description = (
        "Draw a change: who was asked, when each answered, what was waited for, the disk, the\n"
        "commits.  By default the latest one, also one in progress, a dry run, or a refused one.\n"
        "With --html, a page that needs nothing else, with that change and the latest ones: what\n"
        "changed, by whom, what was refused, and who was slow.  Secrets are not shown."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--html",
        metavar="FILE",
        help="write a page to FILE, or nothing where that fails; `-` is stdout",
    )
    parser.add_argument(
        "-n",
        "--number",
        metavar="N",
        type=_number,
        help=f"the N latest changes (default: 1, on a page {_ON_A_PAGE})",
    )
    parser.add_argument(
        "change",
        metavar="GEN|TXID",
        nargs="?",
        type=_change,
        help="the number of a generation, or a txid, which logs, answers and the history have",
    )
    parser.set_defaults(run=timeline)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= limits.TIMELINES):
        wanted = f"a number from 1 to {limits.TIMELINES}"
        raise argparse.ArgumentTypeError(f"{text!r:.60} is not {wanted}")
    return int(text)


def _change(text: str) -> dict[str, Any]:
    """The field of the request."""
    if text.isascii() and text.isdigit() and len(text) < 19:
        return {"generation": int(text)}
    if _TXID.fullmatch(text) and len(text) <= limits.NAME_LENGTH:
        return {"txid": text}
    raise argparse.ArgumentTypeError(f"{text!r:.60} is neither a generation nor a txid")


def timeline(options: argparse.Namespace) -> int:
    """Run `flux config timeline`; the exit status."""
    client = Client()
    most = options.number or (_ON_A_PAGE if options.html else 1)
    wanted = options.change or {"most": most}
    answer = client.ask("timeline", _LOOK_SECONDS, **wanted)
    entries = answer["timelines"]
    if options.html:
        from cli.output.timeline_page import page
        from cli.output.whole_file import write

        shown = entries[0]["txid"] if entries else ""
        if options.change:
            latest = client.ask("timeline", _LOOK_SECONDS, most=most)["timelines"]
            entries = [*entries, *(entry for entry in latest if entry["txid"] != shown)]
        write(options.html, page(entries, time.time()))
    if options.json:
        print(json.dumps(answer))
    elif not options.html:
        _draw(entries)
    return 0


def _draw(entries: list[dict[str, Any]]) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PLAIN_WIDTH
    for number, entry in enumerate(entries):
        if number:
            print()
        for line in lines(entry, width):
            print(line)
    if not entries:
        print("nothing has been changed yet")


BUILDERS = {"timeline": build_timeline}
