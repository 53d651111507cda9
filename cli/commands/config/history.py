# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config history`, `show` and `diff`: what was in force, and what was refused."""

import argparse
import json
from typing import Any

from cli import failure
from cli.client import Client, Trouble
from cli.commands.config.change import generation
from cli.options.completers import complete_by, generations
from cli.output.formats import moment, user
from protocol import limits
from protocol.reasons import from_json, printable

_LOOK_SECONDS = 60.0
"""Time for what lies on a disk."""


def build_history(parser: argparse.ArgumentParser) -> None:
    """Describe `history`."""
    parser.description = (
        "Print the generations and the refused attempts, the newest first: when, by whom, how and\n"
        "why.  Of each kind as many are kept as the attribute config.history says."
    )
    parser.add_argument(
        "-n",
        "--number",
        metavar="N",
        type=_number,
        default=20,
        help="at most so many (default: 20)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=history)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:9]) <= limits.LONGEST_HISTORY):
        wanted = f"a number from 1 to {limits.LONGEST_HISTORY}"
        raise argparse.ArgumentTypeError(f"{text!r:.60} is not {wanted}")
    return int(text[:9])


def history(options: argparse.Namespace) -> int:
    """Run `flux config history`; the exit status."""
    answer = Client().ask("history", _LOOK_SECONDS, most=options.number)
    if options.json:
        print(json.dumps(answer))
        return 0
    for entry in answer["history"]:
        for line in _entry(entry):
            print(printable(line))
    return 0


def _entry(entry: dict[str, Any]) -> list[str]:
    who = entry["who"]
    number = entry.get("generation", "-")
    place = f"{number:>5}  {moment(entry['at'])}  {user(who['uid'])}  pid {who['pid']}"
    lines = [f"{place}  {entry['result']}: {who['command'] or entry['verb']}"]
    if entry["message"]:
        lines.append(f"       message: {entry['message']}")
    if entry.get("not_applied"):
        lines.append(f"       not applied by {', '.join(entry['not_applied'])}")
    lines += [f"       {from_json(reason)}" for reason in entry.get("reasons", ())]
    lines += [f"       warning: {from_json(one)}" for one in entry.get("warnings", ())]
    return lines


def build_show(parser: argparse.ArgumentParser) -> None:
    """Describe `show`."""
    parser.description = (
        "Print what generation GEN was, as TOML that `flux config load` takes; lines about it\n"
        "stand before, as comments."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    complete_by(parser.add_argument("generation", metavar="GEN", type=generation), generations)
    parser.set_defaults(run=show)


def show(options: argparse.Namespace) -> int:
    """Run `flux config show`; the exit status."""
    answer = Client().ask("show", _LOOK_SECONDS, generation=options.generation)
    if options.json:
        print(json.dumps(answer))
        return 0
    from cli.output.toml import as_toml

    for line in _entry(answer):
        print(printable(f"# {line.strip()}"))
    print(as_toml(answer["configuration"]), end="")
    return 0


def build_diff(parser: argparse.ArgumentParser) -> None:
    """Describe `diff`."""
    parser.description = (
        "Print the keys whose values differ between A and B.  Each is the number of a generation,\n"
        "`running`, or `files` (those on disk).  Without B, A against what runs; without both,\n"
        "what runs against the files: what `reload` would change.  Tables, and arrays of tables,\n"
        "are compared by their parts."
    )
    parser.epilog = """\
exit status:
  0  printed; with --exit-code: they are the same
  1  failed; with --exit-code: they differ
  2  wrong usage; with --exit-code: failed"""
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 1 where they differ, 2 for a failure"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    for name in ("a", "b"):
        side = parser.add_argument(name, metavar=name.upper(), nargs="?", type=_compared)
        complete_by(side, _comparable)
    parser.set_defaults(run=diff)


def _comparable() -> list[str]:
    return ["running", "files", *generations()]


def _compared(text: str) -> str:
    if text in ("running", "files"):
        return text
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        wrong = f"{text!r:.60} is no generation; write a number, `running` or `files`"
        raise argparse.ArgumentTypeError(wrong)
    return text


def diff(options: argparse.Namespace) -> int:
    """Run `flux config diff`; the exit status."""
    a, b = options.a or "running", options.b or ("running" if options.a else "files")
    try:
        answer = Client().ask("diff", _LOOK_SECONDS, a=a, b=b)
    except Trouble as trouble:
        return failure.tell("config", options.json, trouble, 2 if options.exit_code else 1)
    status = 1 if options.exit_code and answer["changes"] else 0
    if options.json:
        print(json.dumps(answer))
        return status
    if answer["changes"]:
        print(printable(f"--- {_side(answer['a'])}"))
        print(printable(f"+++ {_side(answer['b'])}"))
    for change in answer["changes"]:
        for sign, field in (("-", "old"), ("+", "new")):
            if field in change:
                value = json.dumps(change[field], ensure_ascii=False)
                print(printable(f"{sign}{change['key']} = {value}"))
    return status


def _side(side: dict[str, Any]) -> str:
    if side["what"] == "files":
        return f"files {side['path']}"
    running = "running, " if side["what"] == "running" else ""
    return f"{running}generation {side['generation']}"


BUILDERS = {"history": build_history, "show": build_show, "diff": build_diff}
