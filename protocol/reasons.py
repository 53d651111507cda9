# SPDX-License-Identifier: LGPL-3.0-or-later
"""Why something was refused, in a form that can be shown, sent, stored and counted.

A reason is always about one thing: which module objects, to which key, why, and (once the
coordinator has looked) where that key was written.  All of a module's reasons together are bounded:
a module that finds a million faults must not fill the coordinator's memory with them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from protocol import limits
from protocol.keys import Path, format_key
from protocol.reason_code import ReasonCode

CUT_MARK = "… (cut)"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from: a file with line and column (both from 1), or a command's name."""

    source: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = self.source
        for number in (self.line, self.column):
            if number is not None:
                place += f":{number}"
        return place


@dataclass(frozen=True, slots=True)
class Reason:
    """One objection.  `module` is who objects (`config` for the loader), `key` what it is about."""

    module: str
    message: str
    key: Path = ()
    origin: Origin | None = None
    code: ReasonCode = ReasonCode.INVALID

    def __str__(self) -> str:
        parts = [self.module]
        if self.key:
            parts.append(format_key(self.key))
        parts.append(self.message)
        line = ": ".join(printable(part) for part in parts)
        return f"{line} ({printable(str(self.origin))})" if self.origin else line

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` answers and the history show."""
        shown: dict[str, Any] = {
            "module": self.module,
            "code": str(self.code),
            "message": self.message,
        }
        if self.key:
            shown["key"] = format_key(self.key)
        if self.origin:
            shown["source"] = self.origin.source
            if self.origin.line is not None:
                shown["line"] = self.origin.line
            if self.origin.column is not None:
                shown["column"] = self.origin.column
        return shown


@dataclass(frozen=True, slots=True)
class Refusal:
    """Takes the place of a result where there is none, and says why."""

    reasons: tuple[Reason, ...]

    def __post_init__(self) -> None:
        assert self.reasons, "whoever refuses says why"


def part_of(member: str, part: str) -> str:
    """The name, in reasons, of a part that a member speaks for: a module of a rank."""
    return f"{member}: {part}"


def is_part_of(module: str, member: str) -> bool:
    """Whether reasons of `module` may be given by this member: it is a part of it."""
    return module.startswith(part_of(member, ""))


def printable(text: str) -> str:
    """`text` on one line: control characters (C0, C1, DEL) and lone surrogates are escaped.

    A reason is written by a module about text written by anybody; it must not move a terminal's
    cursor or fake a second line.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def bounded(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """At most REASONS_COUNT reasons and REASONS_BYTES of text; what is cut says so."""
    kept: list[Reason] = []
    room = limits.REASONS_BYTES
    for reason in reasons:
        short = _shortened(reason)
        size = len(short.message.encode(errors="replace")) + sum(
            len(str(part)) * 4 for part in short.key
        )
        if short.origin:
            size += len(short.origin.source) * 4
        if size > room or len(kept) == limits.REASONS_COUNT - 1:
            more = f"more reasons were given {CUT_MARK}"
            kept.append(Reason(reason.module, more, code=ReasonCode.CUT))
            break
        room -= size
        kept.append(short)
    return tuple(kept)


def _shortened(reason: Reason) -> Reason:
    text = reason.message.encode(errors="replace")
    if len(text) <= limits.REASON_BYTES and len(reason.key) <= limits.CONFIGURATION_DEPTH:
        return replace(reason, message=text.decode())
    cut = text[: limits.REASON_BYTES].decode(errors="ignore")
    message = cut + CUT_MARK if len(text) > limits.REASON_BYTES else cut
    return replace(reason, message=message, key=reason.key[: limits.CONFIGURATION_DEPTH])


def from_json(shown: Mapping[str, Any]) -> str:
    """The line that people read, from the shape of `as_json` (clients hold only that)."""
    parts = [str(shown.get(part, "")) for part in ("module", "key", "message")]
    line = ": ".join(printable(part) for part in parts if part)
    if "source" not in shown:
        return line
    origin = Origin(str(shown["source"]), shown.get("line"), shown.get("column"))
    return f"{line} ({printable(str(origin))})"
