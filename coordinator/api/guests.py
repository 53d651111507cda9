# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is withheld from guests: what others typed.

A guest may read every value that is in force.  The command line of a change, its message, and the
reasons for which a candidate was refused may quote values that never were.
"""

from coordinator.api.fields import Fields

_WITHHELD = "only the owner of the broker sees why"


def without_commands(entry: Fields) -> Fields:
    """A status, or an entry of the history, without what was typed; its shape stays."""
    answer = dict(entry)
    if "who" in answer:
        answer["who"] = {**answer["who"], "command": ""}
    if "message" in answer:
        answer["message"] = ""
    for name in ("reasons", "refused_start"):
        if name in answer:
            answer[name] = [_bare(reason) for reason in answer[name]]
    return answer


def _bare(reason: Fields) -> Fields:
    """Who objects to which key, and the place in a file; any other place may quote a command."""
    kept = ["module", "code", "key", *(["source", "line", "column"] if "line" in reason else [])]
    return {name: reason[name] for name in kept if name in reason} | {"message": _WITHHELD}
