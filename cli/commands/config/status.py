# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config status`: what is in force, who runs it, and what is going on."""

import argparse
import json
from typing import Any

from cli.client import Client, Trouble
from cli.output.formats import moment, user
from protocol.formats.fsd import format_fsd
from protocol.reasons import from_json, printable

_FILES_SECONDS = 5.0


def build_status(parser: argparse.ArgumentParser) -> None:
    """Describe `status`."""
    parser.description = (
        "Print the generation in force: its digest, since when, by whom and from what; whether\n"
        "the files on disk differ from it; what each module runs; and, while a change is in\n"
        "progress, who has voted and who is awaited.  Answered at once, also while a module hangs."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=status)


def status(options: argparse.Namespace) -> int:
    """Run `flux config status`; the exit status."""
    found = Client().ask("status")
    if found["path"]:
        found["files"] = _files()
    if options.json:
        print(json.dumps(found))
        return 0
    for line in _lines(found):
        print(printable(line))
    return 0


def _files() -> dict[str, Any]:
    """How the files on disk compare; a disk that hangs must not hang `status`."""
    try:
        return Client().ask("files", _FILES_SECONDS)
    except Trouble as trouble:
        return {"error": str(trouble)}


def _lines(found: dict[str, Any]) -> list[str]:
    number, digest = found["generation"], found["digest"][:12]
    lines = [f"generation {number}, digest {digest}, epoch {found['epoch']}"]
    if "since" in found:
        who = found["who"]
        lines.append(
            f"since {moment(found['since'])} by {user(who['uid'])}, pid {who['pid']}: "
            f"{who['command'] or found['verb']}"
        )
    if found.get("message"):
        lines.append(f"message: {found['message']}")
    if "unconfirmed" in found:
        pending = found["unconfirmed"]
        lines.append(
            f"generation {pending['generation']} is not confirmed: it is undone in "
            f"{format_fsd(round(pending['seconds'], 1))}"
        )
    if "refused_start" in found:
        lines.append(
            "started with --fallback: the files were refused, and have not been taken since"
        )
        lines += [f"  {from_json(reason)}" for reason in found["refused_start"]]
    lines += _about_files(found)
    lines += [_module(one) for one in found["modules"]]
    lines += _in_progress(found)
    return lines


def _about_files(found: dict[str, Any]) -> list[str]:
    if not found["path"]:
        return ["files: none; the broker was started without a configuration path"]
    files = found["files"]
    if "error" in files:
        return [f"files: {found['path']}: {files['error']}"]
    if "reasons" in files:
        reasons = [f"  {from_json(reason)}" for reason in files["reasons"]]
        return [f"files: {found['path']} cannot be read", *reasons]
    differ = "differ from what runs" if files["differ"] else "are what runs"
    return [f"files: {found['path']} {differ}"]


def _module(one: dict[str, Any]) -> str:
    why = f"  ({one['why']})" if one["why"] else ""
    if one["pending"]:
        why += f"  (pending until it is reloaded: {', '.join(one['pending'])})"
    return f"  {one['name']:<20} {one['state']:<10} {one['generation']}{why}"


def _in_progress(found: dict[str, Any]) -> list[str]:
    lines = []
    change = found.get("transaction")
    if change:
        dry = ", a dry run" if change["dry_run"] else ""
        lines.append(
            f"{change['verb']} {change['txid']}{dry} is {change['state']} for "
            f"{change['seconds']:.1f} s"
        )
        lines.append(f"  voted: {', '.join(change['voted']) or 'nobody'}")
        lines.append(f"  awaited: {', '.join(change['awaited']) or 'nobody'}")
    if found["waiting"]:
        lines.append(f"{found['waiting']} more in line")
    return lines


BUILDERS = {"status": build_status}
