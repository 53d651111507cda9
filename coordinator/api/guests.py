# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is withheld from guests: the commands and messages that others typed.

A guest may read every value that is in force.  A command line may hold one that never was.
"""

from typing import Any

Fields = dict[str, Any]


def without_commands(entry: Fields) -> Fields:
    """A status, or an entry of the history, with the command and the message left empty."""
    shown = dict(entry)
    if "who" in shown:
        shown["who"] = {**shown["who"], "command": ""}
    if "message" in shown:
        shown["message"] = ""
    for name in ("reasons", "refused_start"):
        if name in shown:
            shown[name] = [_without_command(reason) for reason in shown[name]]
    return shown


def _without_command(reason: Fields) -> Fields:
    """A reason whose place is in a file keeps it; any other place may quote a command."""
    if "line" in reason:
        return reason
    return {name: value for name, value in reason.items() if name != "source"}
