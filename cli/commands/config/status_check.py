# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config status --check`: what is not as it should be, for monitoring and for scripts."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from cli.client import Client, Trouble
from cli.commands.config.status import undone_in
from protocol.reasons import from_json, printable

_AT_A_START = "would be refused at the next start"
"""How a module warns of it: participant.module.AT_A_START."""
_NO_MEMBER = ("leaving",)
"""States of members of which nothing is expected."""


class Problem(NamedTuple):
    """One thing that is not as it should be."""

    code: str
    """One of those in docs/json.md, "check"."""
    text: str
    module: str = ""


def check(status: dict[str, Any], as_json: bool) -> int:
    """Print what is wrong with this status; the exit status, 1 if anything is."""
    problems = list(problems_of(status, _warnings_in_force(status["generation"])))
    if as_json:
        result = "problems" if problems else "ok"
        shown = [
            {"code": problem.code, "message": problem.text}
            | ({"module": problem.module} if problem.module else {})
            for problem in problems
        ]
        told = {
            "version": 1,
            "result": result,
            "generation": status["generation"],
            "ok": not problems,
        }
        print(json.dumps({**told, "problems": shown}))
    else:
        for problem in problems:
            print(printable(problem.text))
    return 1 if problems else 0


def problems_of(status: dict[str, Any], warnings: list[dict[str, Any]]) -> Iterator[Problem]:
    """What is wrong; `warnings` are those of the generation in force."""
    yield from _about_files(status)
    for module in status["modules"]:
        yield from _about_member(module, status["generation"])
    for name in status.get("missed", ()):
        yield Problem("missed", f"{name} is missed: it had a say before this start", name)
    pending = status.get("unconfirmed")
    if pending is not None:
        yield Problem("unconfirmed", undone_in(pending))
        for reason in pending.get("refused", ()):
            text = f"its undo was refused: {from_json(reason)}"
            yield Problem("unconfirmed", text, str(reason.get("module", "")))
    for reason in status.get("refused_start", ()):
        yield Problem("start-refused", f"refused at this start: {from_json(reason)}")
    for warning in warnings:
        if str(warning.get("message", "")).startswith(_AT_A_START):
            yield Problem("next-start", from_json(warning), str(warning.get("module", "")))
    for reason in status.get("next_start", {}).get("reasons", ()):
        yield Problem("next-start", from_json(reason), str(reason.get("module", "")))
    if status.get("temporary"):
        text = "the ledger is temporary: what is committed ends with this broker"
        yield Problem("temporary-ledger", text)


def _about_files(status: dict[str, Any]) -> Iterator[Problem]:
    files = status.get("files")
    if files is None:
        return
    path = status["path"]
    if "error" in files:
        yield Problem("files-unknown", f"files: {path}: {files['error']}")
    elif "reasons" in files:
        for reason in files["reasons"]:
            yield Problem("files-unreadable", f"files: {from_json(reason)}")
    elif files["differ"]:
        yield Problem("files-differ", f"files: {path} differ from what runs")


def _about_member(module: dict[str, Any], generation: int) -> Iterator[Problem]:
    name, state, its = module["name"], module["state"], module["generation"]
    if state in _NO_MEMBER or (state == "running" and its == generation):
        return
    why = f" ({module['why']})" if module["why"] else ""
    where = f"on generation {its}, not {generation}" if its != generation else ""
    text = f"{name} is {', '.join(filter(None, (state, where)))}{why}"
    yield Problem("member", text, name)


def _warnings_in_force(generation: int) -> list[dict[str, Any]]:
    """What modules had to say of it when it was committed."""
    if not generation:
        return []
    try:
        entry = Client().ask("show", generation=generation)
    except Trouble:
        return []  # the ledger keeps the generation in force: its disk has said so elsewhere
    warnings: list[dict[str, Any]] = entry.get("warnings", [])
    return warnings
