# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a check that has run says: exit status 0 is yes, and the lines of stderr are why not."""

import re
from collections.abc import Mapping
from signal import Signals
from typing import Any, NamedTuple

from protocol import limits
from protocol.keys import Path, parse_key
from protocol.reasons import CUT_MARK, printable

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
"""Colours, movements and titles (ECMA-48, xterm): for a terminal, and no part of the text."""
_KEYED = re.compile(r"(?P<key>[^\s:]+): (?P<message>.*\S)")


class Ended(NamedTuple):
    """How a check has ended."""

    name: str
    status: int | None
    """As subprocess has it; None where it is not gone."""
    killed: str = ""
    """Why it was killed, if we did that."""
    stderr: bytes = b""
    was_cut: bool = False
    """Whether there was more on stderr."""


class CheckReason(NamedTuple):
    """A reason, and the key that it is about where it names one."""

    message: str
    key: Path = ()


def objections(ended: Ended, candidate: Mapping[str, Any]) -> list[CheckReason]:
    """Why the check says no; nothing where it says yes."""
    if ended.status == 0 and not ended.killed:
        return []
    said = [CheckReason(ended.killed)] if ended.killed else []
    said += [_keyed(line, candidate) for line in _lines(ended)]
    if not said:
        said = [CheckReason(f"{_how(ended.status)}, and did not say why")]
    return [CheckReason(f"{ended.name}: {message}", key) for message, key in said]


def _lines(ended: Ended) -> list[str]:
    text = ended.stderr.decode(errors="replace").replace("\t", " ")
    cleaned = [printable(_ESCAPES.sub("", line)).strip() for line in re.split(r"[\r\n]+", text)]
    lines = [line for line in cleaned if line]
    kept = lines[: limits.CHECK_LINES]
    if kept and (ended.was_cut or len(lines) > len(kept)):
        kept[-1] = f"{kept[-1]} {CUT_MARK}"
    return kept


def _keyed(line: str, candidate: Mapping[str, Any]) -> CheckReason:
    """The key before a colon where the candidate has it, and the rest; else all of the line."""
    match = _KEYED.fullmatch(line)
    if match is not None:
        try:
            path = parse_key(match["key"])
        except ValueError:
            path = ()
        if path and _has(candidate, path):
            return CheckReason(match["message"], path)
    return CheckReason(line)


def _has(value: Any, path: Path) -> bool:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _how(status: int | None) -> str:
    if status is None:
        return "has not ended"
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"was killed by {Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
