# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config status`: what is in force, who runs it, and what is going on."""

import argparse
import json
import time
from typing import Any

from cli.client import Client, Trouble
from cli.output.formats import moment, user
from protocol.formats.fsd import format_fsd
from protocol.reasons import from_json, printable

_DISK_SECONDS = 5.0
_ENTRIES = 100
"""Of the history: while a change is unconfirmed all others are refused, and may be many."""
_NO_ANSWER = f"the broker did not answer within {_DISK_SECONDS:g} s"


def build_status(parser: argparse.ArgumentParser) -> None:
    """Describe `status`."""
    parser.description = (
        "Print the generation in force: its digest, since when, by whom and from what; whether\n"
        "the files on disk differ from it; what each module runs; and, while a change is in\n"
        "progress, who has voted and who is awaited.  Answered at once, also while a module hangs."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--check",
        action="store_true",
        help="print only what is not as it should be, one line each, and exit 1 if there is "
        "anything: files that differ, a member that does not run what is in force, a change that "
        "is not confirmed, what a next start would refuse",
    )
    parser.set_defaults(run=status)


def status(options: argparse.Namespace) -> int:
    """Run `flux config status`; the exit status."""
    answer = Client().ask("status")
    until = time.monotonic() + _DISK_SECONDS
    names = {"next_start": "next-start", **({"files": "files"} if answer["path"] else {})}
    asked = {name: _ask_a_disk(op) for name, op in names.items()}
    history = _ask_a_disk("history", most=_ENTRIES) if "unconfirmed" in answer else None
    answer |= {name: _told(one, until) for name, one in asked.items()}
    if history is not None:
        add_refused_undo(answer["unconfirmed"], _told(history, until))
    if options.check:
        from cli.commands.config.status_check import check

        return check(answer, options.json)
    if options.json:
        print(json.dumps(answer))
        return 0
    for line in _lines(answer):
        print(printable(line))
    return 0


def add_refused_undo(pending: dict[str, Any], history: dict[str, Any]) -> None:
    """Note in `pending`, what is unconfirmed, why its undo was refused last, if it was."""
    for entry in history.get("history", ()):
        if (entry["verb"], entry["base"]) == ("undo", pending["generation"]):
            pending["refused"] = entry.get("reasons", [])
            return


def undone_in(pending: dict[str, Any]) -> str:
    """What becomes of what is unconfirmed, and when, in a line."""
    left = format_fsd(round(pending["seconds"], 1))
    what = (
        "its undo was refused, and is tried again in" if "refused" in pending else "it is undone in"
    )
    return f"generation {pending['generation']} is not confirmed: {what} {left}"


def _ask_a_disk(op: str, **fields: int) -> Client | str:
    """The connection on which the answer will come, or why none will."""
    try:
        client = Client()
        client.send(op, **fields)
    except Trouble as trouble:
        return str(trouble)
    return client


def _told(asked: Client | str, until: float) -> dict[str, Any]:
    """How files compare with what runs; a disk that hangs must not hang `status`."""
    if isinstance(asked, str):
        return {"error": asked}
    try:
        answer = asked.receive(max(0.1, until - time.monotonic()))
    except Trouble as trouble:
        return {"error": str(trouble)}
    return answer if answer is not None else {"error": _NO_ANSWER}


def _lines(status: dict[str, Any]) -> list[str]:
    number, digest = status["generation"], status["digest"][:12]
    lines = [f"generation {number}, digest {digest}, epoch {status['epoch']}"]
    if "since" in status:
        who = status["who"]
        lines.append(
            f"since {moment(status['since'])} by {user(who['uid'])}, pid {who['pid']}: "
            f"{who['command'] or status['verb']}"
        )
    if status.get("message"):
        lines.append(f"message: {status['message']}")
    if "unconfirmed" in status:
        pending = status["unconfirmed"]
        lines.append(undone_in(pending))
        lines += [f"  {from_json(reason)}" for reason in pending.get("refused", ())]
    if status.get("temporary"):
        lines.append("the ledger is temporary, and the run directory is not: what is committed "
                     "ends with this broker (start it with -S statedir=DIR)")  # fmt: skip
    if "refused_start" in status:
        lines.append(
            "started with --fallback: the files were refused, and have not been taken since"
        )
        lines += [f"  {from_json(reason)}" for reason in status["refused_start"]]
    lines += _about_files(status)
    lines += _about_modules(status)
    lines += _in_progress(status)
    return lines


def _about_files(status: dict[str, Any]) -> list[str]:
    if not status["path"]:
        return ["files: none; the broker was started without a configuration path"]
    files = status["files"]
    if "error" in files:
        return [f"files: {status['path']}: {files['error']}"]
    if "reasons" in files:
        reasons = [f"  {from_json(reason)}" for reason in files["reasons"]]
        return [f"files: {status['path']} cannot be read", *reasons]
    differ = "differ from what runs" if files["differ"] else "are what runs"
    return [f"files: {status['path']} {differ}"]


def _about_modules(status: dict[str, Any]) -> list[str]:
    later = status.get("next_start", {})
    lines = []
    for module in status["modules"]:
        gone = module["name"] in later.get("gone", ())
        mark = "  (loaded by hand: not so after a restart)" if gone else ""
        lines += [_module(module) + mark, *_votes(module)]
    if later.get("back"):
        lines.append(f"removed by hand, back after a restart: {', '.join(later['back'])}")
    for reason in later.get("reasons", ()):
        lines.append(f"the next start would be refused: {from_json(reason)}")
    if status.get("missed"):
        lines.append(
            f"fewer voters than the last generation had: missed {', '.join(status['missed'])}"
        )
    return lines


def _module(one: dict[str, Any]) -> str:
    why = f"  ({one['why']})" if one["why"] else ""
    if one["pending"]:
        why += f"  (pending until it is reloaded: {', '.join(one['pending'])})"
    return f"  {one['name']:<20} {one['state']:<10} {one['generation']}{why}"


def _votes(one: dict[str, Any]) -> list[str]:
    """In a Flux instance: how each module of a rank is asked."""
    return [f"    {name:<18} {how}" for name, how in sorted(one.get("votes", {}).items())]


def _in_progress(status: dict[str, Any]) -> list[str]:
    lines = []
    change = status.get("transaction")
    if change:
        dry = ", a dry run" if change["dry_run"] else ""
        lines.append(
            f"{change['verb']} {change['txid']}{dry} is {change['state']} for "
            f"{change['seconds']:.1f} s"
        )
        lines.append(f"  voted: {', '.join(change['voted']) or 'nobody'}")
        lines.append(f"  awaited: {', '.join(change['awaited']) or 'nobody'}")
    if status["waiting"]:
        lines.append(f"{status['waiting']} more in line")
    return lines


BUILDERS = {"status": build_status}
