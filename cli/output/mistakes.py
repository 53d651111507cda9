# SPDX-License-Identifier: LGPL-3.0-or-later
"""Reasons as they are told: in the order of the lines, for people, for editors, for GitHub.

On a terminal the same mistake is told once, with a count, and not more of them than one wants to
read; into a file or a program goes all of it.
"""

import os
import sys
from collections.abc import Iterable
from typing import Any, Final

from cli.client import complain
from protocol.keys import parse_key
from protocol.reasons import from_json, printable

SHOWN: Final = 25
"""Mistakes that a terminal is told."""
_PLACES: Final = 3
"""Other places of the same mistake that are told with it."""

Shown = dict[str, Any]
"""A reason in the shape of `--json`: clients have no other."""


def in_order(reasons: Iterable[Shown]) -> list[Shown]:
    """By file and line; those without a place last, in the order in which they were given."""
    return sorted(reasons, key=_place)


def _place(reason: Shown) -> tuple[bool, bytes, int, int]:
    source = os.fsencode(str(reason.get("source", "")))
    return "source" not in reason, source, reason.get("line", 0), reason.get("column", 0)


# For people


def tell(command: str, reasons: Iterable[Shown], level: str = "") -> None:
    """Complain of all; `level` stands before each."""
    ordered = in_order(reasons)
    lines = summed_up(ordered) if sys.stderr.isatty() else list(map(from_json, ordered))
    for line in lines:
        complain(command, level + line.removeprefix(f"{command}: "))


def summed_up(ordered: list[Shown]) -> list[str]:
    """A line for each mistake, not for each of its places."""
    alike: dict[tuple[str, str, str], list[Shown]] = {}
    for reason in _with_one_voice(ordered):
        alike.setdefault(_mistake(reason), []).append(reason)
    groups = list(alike.values())
    lines = [from_json(group[0]) + _others(group[1:]) for group in groups[:SHOWN]]
    rest = groups[SHOWN:]
    if rest:
        count = sum(map(len, rest))
        lines.append(f"… and {count} more; --json, or a pipe, gets all of them")
    return lines


def _with_one_voice(ordered: list[Shown]) -> list[Shown]:
    """What several modules say of the same place in the same words, once, under all their names."""
    said: dict[tuple[Any, ...], dict[str, None]] = {}
    for reason in ordered:
        said.setdefault(_words(reason), {})[str(reason.get("module"))] = None
    first = {_words(reason): reason for reason in reversed(ordered)}
    return [{**first[words], "module": ", ".join(modules)} for words, modules in said.items()]


def _words(reason: Shown) -> tuple[Any, ...]:
    said = "module" if "key" not in reason else ""  # without a key it is about the module itself
    return tuple(reason.get(name) for name in ("key", "message", "source", "line", "column", said))


def _mistake(reason: Shown) -> tuple[str, str, str]:
    """What makes two reasons the same mistake: who says what of a key of which name."""
    try:
        steps = parse_key(str(reason.get("key", "")))
    except ValueError:
        steps = ()
    name = next((step for step in reversed(steps) if isinstance(step, str)), "")
    return str(reason.get("module")), str(reason.get("message")), name


def _others(reasons: list[Shown]) -> str:
    if not reasons:
        return ""
    places = [f"{reason['source']}:{reason['line']}" for reason in reasons if "line" in reason]
    told = printable(", ".join(places[:_PLACES]))
    more = len(reasons) - len(places[:_PLACES])
    if not told:
        return f", {more} times more"
    return f", also {told}" + (f" and {more} times more" if more else "")


# For programs


def as_line(reason: Shown, level: str, path: str) -> str:
    """`file:line:column: level: message`, as compilers write it; `path` where there is no place."""
    place = f"{reason.get('source', path)}:{reason.get('line', 1)}:{reason.get('column', 1)}"
    return printable(f"{place}: {level}: {_without_place(reason)} [{reason['code']}]")


def as_annotation(reason: Shown, level: str) -> str:
    """A workflow command of GitHub's, by its rules of escaping.

    https://docs.github.com/actions/reference/workflow-commands-for-github-actions, and
    packages/core/src/command.ts of https://github.com/actions/toolkit for the escapes.
    """
    fields = {"file": reason.get("source"), "line": reason.get("line"),
              "col": reason.get("column"), "title": f"flux config: {reason['code']}"}  # fmt: skip
    given = (f"{name}={_property(str(value))}" for name, value in fields.items() if value)
    return f"::{level} {','.join(given)}::{_data(_without_place(reason))}"


def _without_place(reason: Shown) -> str:
    kept: Shown = {name: reason[name] for name in ("module", "key", "message") if name in reason}
    return from_json(kept).removeprefix("config: ")


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
