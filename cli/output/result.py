# SPDX-License-Identifier: LGPL-3.0-or-later
"""How the end of a change is told: what happened on stdout, what went wrong on stderr."""

import json
import os
import sys
import time
from typing import Any

from cli import failure, naming, streams
from cli.client import SLACK_SECONDS, Client, Trouble, Unanswered, complain
from cli.output import changes, mistakes
from protocol import limits
from protocol.formats.fsd import format_fsd

_SETTLING_SECONDS = 5.0
"""How long an interrupted command waits to hear whether its change was decided."""


def change(
    prog: str, as_json: bool, op: str, timeout: float, quiet: bool = False, **fields: Any
) -> int:
    """Ask for a change, tell its outcome, and return the exit status.

    `timeout` is in seconds; `quiet`: nothing on stdout where all went well.
    """
    longest = timeout + limits.COMMIT_SECONDS + SLACK_SECONDS
    began = time.time()
    try:
        client = Client()
        try:
            client.send(op, longest, timeout=timeout, **fields)
            outcome = _answer(client, longest)
        except KeyboardInterrupt:
            client.close()
            status, why = _after_interrupt(prog, began)
            return failure.tell(prog, as_json, Trouble(why, "interrupted"), status)
    except Unanswered as trouble:
        why = f"{trouble}; `flux config status` tells which generation is in force"
        return failure.tell(prog, as_json, Trouble(why, trouble.code), 3)
    except Trouble as trouble:
        return failure.tell(prog, as_json, trouble)
    if quiet and not as_json and outcome["status"] == 0:
        _tell_warnings(prog, outcome)
        return 0
    return tell(prog, as_json, outcome)


def _answer(client: Client, seconds: float) -> dict[str, Any]:
    if sys.stderr.isatty():
        from cli.output.progress import wait

        answer = wait(client, seconds)
    else:
        answer = client.receive(seconds)
    if answer is None:
        raise Unanswered(f"the broker did not answer within {seconds:g} s")
    return answer


def _after_interrupt(prog: str, began: float) -> tuple[int, str]:
    """Whether the change that was interrupted has been committed: exit status, and in words.

    To hang up withdraws what is undecided, and only that.  A decision of ours names this process.
    """
    if prog == "module":
        return 130, "interrupted; `flux module list` tells what became of it"
    until = time.monotonic() + _SETTLING_SECONDS
    while True:
        status = Client().ask("status")
        who, generation = status.get("who", {}), status["generation"]
        if who.get("pid") == os.getpid() and status["since"] >= began - 1.0:
            return 3, f"interrupted, but generation {generation} is committed{_behind(status)}"
        change = status.get("transaction")
        if change is None or change["state"] != "forcing":
            return 130, f"interrupted; nothing changed: generation {generation} stays in force"
        if time.monotonic() > until:
            raise Unanswered("interrupted while the decision was being written")
        time.sleep(0.05)


def _behind(status: dict[str, Any]) -> str:
    awaited = status.get("transaction", {}).get("awaited", ())
    return f", and not applied yet by {', '.join(awaited)}" if awaited else ""


def tell(command: str, as_json: bool, outcome: dict[str, Any]) -> int:
    """Print an outcome; the exit status that goes with it."""
    status = int(outcome["status"])
    if as_json:
        streams.tell(json.dumps(outcome))
        return status
    _tell_warnings(command, outcome)
    mistakes.tell(command, outcome["reasons"])
    if status == 0:
        news = _of_one_module(outcome) if command == "module" else _good_news(outcome)
        streams.tell("\n".join(map(naming.hints, (news, *changes.lines(outcome)))))
        return 0
    complain(command, _last_line(outcome))
    for line in changes.lines(outcome):
        streams.tell(naming.hints(line))
    return status


def _tell_warnings(command: str, outcome: dict[str, Any]) -> None:
    mistakes.tell(command, outcome.get("warnings", ()), "warning: ")


def _of_one_module(outcome: dict[str, Any]) -> str:
    match outcome["result"]:
        case "unchanged":
            if not outcome["asked"]:
                return "unchanged: it is not loaded"
            return "unchanged: these are its values already"
        case "valid":
            return "valid: the module would accept it; nothing changed"
        case other:
            return f"{other} ({outcome['seconds'] * 1000:.1f} ms)"


def _good_news(outcome: dict[str, Any]) -> str:
    generation, asked = outcome["generation"], outcome["asked"]
    modules = f"{asked} module" + ("s" if asked != 1 else "")
    milliseconds = f"{outcome['seconds'] * 1000:.1f} ms"
    match outcome["result"]:
        case "committed":
            news = f"committed: generation {generation}, {modules}, {milliseconds}"
            return news + _unless_confirmed(outcome)
        case "unchanged":
            news = f"unchanged: generation {generation} is this configuration already"
            return news + _unless_confirmed(outcome)
        case "valid":
            return f"valid: {modules} would accept it; generation {generation} stays in force"
        case "extended":
            return f"extended: generation {generation} stays in force{_unless_confirmed(outcome)}"
        case "confirmed":
            return f"confirmed: generation {generation} stays in force"
        case other:
            return f"{other} ({milliseconds})"


def _unless_confirmed(outcome: dict[str, Any]) -> str:
    if not outcome.get("confirm"):
        return ""
    within = format_fsd(outcome["confirm"])
    return f"; it is undone unless `flux config confirm` comes within {within}"


def _last_line(outcome: dict[str, Any]) -> str:
    generation = outcome["generation"]
    if outcome["result"] == "failed":
        return "the module did not come up again and is shown as failed"
    if outcome["result"] == "partial" and not outcome["txid"]:
        return "the values are set, but not applied yet"
    if outcome["not_applied"]:
        names = ", ".join(outcome["not_applied"])
        unchanged = outcome["result"] == "unchanged"
        how = "is this configuration already" if unchanged else "is committed"
        behind = f"generation {generation} {how}, but not applied by {names}"
        return behind + _unless_confirmed(outcome)
    if outcome["result"] == "unknown":
        return "the outcome is not known yet; `flux config status` tells"
    if outcome["result"] == "undone":
        return f"undone; generation {generation} is what ran before"
    if generation == 0:
        return "nothing changed; no configuration is in force"
    return f"nothing changed; generation {generation} stays in force"
