# SPDX-License-Identifier: LGPL-3.0-or-later
"""How it is told that a command could not be carried out: for people always, with `--json` as JSON.

A program that asked for JSON must not have to parse a sentence to learn that there is no broker.
"""

from __future__ import annotations

from cli import streams
from cli.client import Trouble, complain


def tell(command: str, as_json: bool, trouble: Trouble, status: int = 1) -> int:
    """Say why there is no answer; the exit status, which is `status`."""
    for line in str(trouble).splitlines():
        complain(command, line.removeprefix(f"{command}: "))
    if as_json:
        tell_json(trouble, status)
    return status


def tell_json(trouble: Trouble, status: int) -> None:
    """The document `failure` of docs/json.md."""
    import json

    shown = {"version": 1, "result": "failed", "status": status, "code": trouble.code}
    reasons = {"reasons": trouble.reasons} if trouble.reasons else {}
    streams.tell(json.dumps({**shown, "error": str(trouble), **reasons}))
