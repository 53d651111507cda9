# SPDX-License-Identifier: LGPL-3.0-or-later
"""What Flux's TOML reader refuses although TOML 1.0 allows it, and what only TOML 1.1 allows.

A configuration that works here must work in Flux, so its reader's narrower rules are followed
where they were measured (flux-core 0.88, whose reader is tomlc99).  Where that reader is more
lenient than TOML 1.0 (https://toml.io/en/v1.0.0) we are not: a text has to be TOML for everybody.
The parser in use here reads TOML 1.1 (https://toml.io/en/v1.1.0) as well, so what 1.1 added is
refused here.

The rules about spelling look at the text, because a parser's result has forgotten it; the others
look at the parsed tree.  Both expect a text that the parser has accepted.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any, TypeAlias

from coordinator.files.positions import find_position, line_and_column
from coordinator.files.reading import Source
from protocol import limits
from protocol.keys import Path
from protocol.reason_code import ReasonCode
from protocol.reasons import Origin, Reason

TextFault: TypeAlias = tuple[int, str]
"""Offset in the text, in characters from 0, and what is wrong there."""
TreeFault: TypeAlias = tuple[Path, str]

# No group is repeated possessively: before 3.11.5 Python gets that wrong (gh-101955).
_TOKEN = re.compile(
    r'''(?P<comment> \#[^\n]*+ )
      | (?P<basic> """(?: [^"\\]++ | \\. | "(?!"") )*"{3,5} | "(?: [^"\\\n]++ | \\. )*" )
      | (?P<literal> \'\'\'(?: [^\']++ | \'(?!\'\') )*\'{3,5} | \'[^\'\n]*+\' )
      | (?P<mark> [\[\]{},=\n] )
      | (?P<bare> [^\s\#"\'\[\]{},=]++ )''',
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u(?P<short>....)|U(?P<long>.{8})|(?P<new>x..|e)|.)", re.DOTALL)
_NO_SECONDS = re.compile(r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt])?[0-9]{2}:[0-9]{2}(?!:)")

# Most texts hold nothing that a rule is about, and a search is much cheaper than all the tokens.
_NEW_OR_HEX = re.compile(r"\\[exuU]")
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}")

_KINDS = {
    bool: "a boolean",
    int: "an integer",
    float: "a real number",
    str: "a string",
    datetime: "a date-time",
    date: "a date",
    time: "a time",
    list: "an array",
    dict: "a table",
}


def refusals(source: Source, text: str, tree: dict[str, Any]) -> Iterator[Reason]:
    """Every rule that `source` breaks; `text` is its decoded text, `tree` what the parser made."""
    for offset, message in faults_of_text(text):
        place = Origin(source.name, *line_and_column(text, offset))
        yield Reason("config", message, origin=place, code=ReasonCode.SYNTAX)
    for path, message in faults_of_tree(tree):
        found = find_position((source,), path)
        yield Reason("config", message, path, found, ReasonCode.SYNTAX)


def faults_of_text(text: str) -> Iterator[TextFault]:
    """Breaches of the rules about spelling, in no particular order."""
    if _NEW_OR_HEX.search(text):
        yield from _escapes(text)
    if _CLOCK.search(text):
        yield from _times(text)
    if "{" in text:
        yield from _inline_tables(text)


def faults_of_tree(tree: dict[str, Any]) -> list[TreeFault]:
    """Arrays whose elements differ in type, with the path of the first element that does.

    tomlc99 compares only the elements of one array with each other: `[[1], ["a"]]` passes.
    """
    found: list[TreeFault] = []
    _find_mixed(tree, (), found)
    return found


def timestamp(moment: datetime) -> dict[str, str]:
    """A TOML date-time as Flux shows it to modules: in UTC, whole seconds.

    One without an offset counts as UTC, as in Flux.  Raises OverflowError where UTC has no such
    year.
    """
    universal = moment.astimezone(UTC) if moment.tzinfo else moment
    return {"iso-8601-ts": universal.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"}


def first_deeper(text: str, depth: int) -> int | None:
    """Offset of the first bracket (of TOML or JSON) that opens more than `depth` levels."""
    level = 0
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "mark":
            level += (token[0] in "[{") - (token[0] in "]}")
            if level > depth:
                return token.start()
    return None


def _escapes(text: str) -> Iterator[TextFault]:
    for token in _TOKEN.finditer(text):
        if token.lastgroup != "basic":
            continue
        for escape in _ESCAPE.finditer(token[0]):
            begins = token.start() + escape.start()
            digits = escape["short"] or escape["long"] or ""
            if escape["new"]:
                yield begins, f"the escape {escape[0]} needs TOML 1.1; this is read as TOML 1.0"
            elif digits != digits.upper():
                yield begins, f"{escape[0]}: Flux wants capital hex digits: {_capital(escape[0])}"


def _capital(escape: str) -> str:
    return escape[:2] + escape[2:].upper()


def _times(text: str) -> Iterator[TextFault]:
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "bare" and _NO_SECONDS.match(token[0]):
            yield token.start(), "a time without seconds needs TOML 1.1; this is read as TOML 1.0"


def _inline_tables(text: str) -> Iterator[TextFault]:
    """Line breaks (once a table) and trailing commas between the braces of inline tables."""
    nesting: list[str] = []
    last = ""
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "comment":
            continue
        word = token[0]
        if word == "\n":
            if nesting and nesting[-1] == "{":
                nesting[-1] = "{ reported"
                yield (
                    token.start(),
                    "a line break in an inline table needs TOML 1.1; this is read as TOML 1.0",
                )
            continue
        if word == "}" and last == ",":
            yield (
                token.start(),
                "a comma before the } of an inline table needs TOML 1.1; this is read as TOML 1.0",
            )
        if word in {"[", "{"}:
            nesting.append(word)
        elif word in {"]", "}"} and nesting:
            nesting.pop()
        last = word


def _find_mixed(value: Any, path: Path, found: list[TreeFault]) -> None:
    if len(path) >= limits.CONFIGURATION_DEPTH:
        return  # refused elsewhere, for its depth
    if isinstance(value, dict):
        for key, member in value.items():
            if isinstance(member, dict | list):
                _find_mixed(member, (*path, key), found)
        return
    if len({type(member) for member in value}) > 1:
        first = type(value[0])
        index, other = next((i, type(m)) for i, m in enumerate(value) if type(m) is not first)
        here, there = _KINDS[other], _KINDS[first]
        message = f"Flux allows one type in an array: this is {here}, the first is {there}"
        found.append(((*path, index), f"{message}; a JSON file may have both"))
    for index, member in enumerate(value):
        if isinstance(member, dict | list):
            _find_mixed(member, (*path, index), found)
