"""How the end of a change is told: what happened on stdout, what went wrong on stderr."""

import json
from typing import Any

from cli.client import Client, Trouble, Unanswered, complain
from protocol import limits
from protocol.reasons import from_json

_SLACK = 5.0  # seconds beyond the time allowed before the broker is taken for stuck


def change(prog: str, as_json: bool, op: str, timeout: float, **fields: Any) -> int:
    """Ask for a change, tell its outcome, and return the exit status."""
    try:
        outcome = Client().ask(
            op, timeout + limits.COMMIT_SECONDS + _SLACK, timeout=timeout, **fields
        )
    except Unanswered as trouble:
        complain(prog, f"{trouble}; `flux config status` tells which generation is in force")
        return 3
    except Trouble as trouble:
        complain(prog, str(trouble))
        return 1
    return tell(prog, as_json, outcome)


def tell(command: str, as_json: bool, outcome: dict[str, Any]) -> int:
    """Print an outcome; the exit status that goes with it."""
    status = int(outcome["status"])
    if as_json:
        print(json.dumps(outcome))
        return status
    if status == 0:
        print(_good_news(outcome))
        return 0
    for reason in outcome["reasons"]:
        complain(command, from_json(reason))
    complain(command, _last_line(outcome))
    return status


def _good_news(outcome: dict[str, Any]) -> str:
    generation, asked = outcome["generation"], outcome["asked"]
    modules = f"{asked} module" + ("s" if asked != 1 else "")
    milliseconds = f"{outcome['seconds'] * 1000:.1f} ms"
    match outcome["result"]:
        case "committed":
            return f"committed: generation {generation}, {modules}, {milliseconds}"
        case "unchanged":
            return f"unchanged: generation {generation} is this configuration already"
        case "valid":
            return f"valid: {modules} would accept it; generation {generation} stays in force"
        case other:
            return f"{other} ({milliseconds})"


def _last_line(outcome: dict[str, Any]) -> str:
    generation = outcome["generation"]
    if outcome["result"] == "partial":
        names = ", ".join(outcome["not_applied"])
        return f"generation {generation} is committed, but not applied by {names}"
    if outcome["result"] == "unknown":
        return "the outcome is not known yet; `flux config status` tells"
    if generation == 0:
        return "nothing changed; no configuration is in force"
    return f"nothing changed; generation {generation} stays in force"
