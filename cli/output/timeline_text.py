# SPDX-License-Identifier: LGPL-3.0-or-later
"""A change drawn with the characters that every terminal has.  Pure."""

from cli.output.formats import moment, user
from cli.output.timeline_rows import (
    APPLY,
    BAD,
    DISK,
    GOOD,
    JUDGE,
    WAIT,
    Bar,
    Entry,
    Row,
    duration,
    reasons,
    rows,
    title,
    value,
    waits,
)
from protocol.reasons import printable

PLAIN_WIDTH = 100
"""Columns where nobody says how many there are: in a file or a pipe."""
_NARROW = 60
"""Below so many columns there is no room for bars."""
_LONGEST_NAME = 24
_MOST_ROWS = 48
_FILL = {JUDGE: "-", APPLY: "=", DISK: "#", WAIT: "."}
_ENDS = {(JUDGE, GOOD): "y", (JUDGE, BAD): "x", (APPLY, GOOD): "a", (APPLY, BAD): "!",
         (DISK, BAD): "!"}  # fmt: skip
_LEGEND = (
    "- judging (y yes, x no or no answer), # the disk, = applying (a applied, ! not), . waiting"
)


def lines(entry: Entry, width: int) -> list[str]:
    """The picture, `width` columns wide where a line can be that short; nothing needs escaping."""
    drawn = [printable(line) for line in _head(entry)]
    found = rows(entry)
    if found:
        drawn += ["", *_chart(entry, found, width), ""]
    else:
        drawn += ["its moments are not kept", ""]
    drawn += [printable(line) for line in _foot(entry)]
    return drawn


def _head(entry: Entry) -> list[str]:
    moments, who = entry.get("moments"), entry.get("who")
    at = entry["at"] if moments is None else moments["at"]
    by = f" by {user(who['uid'])}, pid {who['pid']}" if who else ""
    asked_for = (who["command"] if who else "") or entry["verb"]
    found = [title(entry), f"{moment(at)}{by}: {asked_for}"]
    if entry.get("message"):
        found.append(f"message: {entry['message']}")
    if moments is not None:
        count = len(moments["members"]) + moments.get("more_members", 0)
        asked = f"{count} member" + ("s" if count != 1 else "")
        found.append(f"transaction {entry['txid']}: {duration(moments['seconds'])}, {asked}")
    return found


def _chart(entry: Entry, found: list[Row], width: int) -> list[str]:
    more = len(found) - _MOST_ROWS
    if more > 0:
        telling = sorted(found, key=lambda row: (row.well, -row.seconds))[:_MOST_ROWS]
        found = [row for row in found if row in telling]
    left_out = max(more, 0) + entry["moments"].get("more_members", 0)
    names = [_short(printable(row.name)) for row in found]
    column = max(map(len, names))
    if width < _NARROW:
        drawn = [
            f"{name:<{column}}  {printable(row.note)}"
            for name, row in zip(names, found, strict=True)
        ]
    else:
        room = max(20, (width - column) // 2)
        whole = entry["moments"]["seconds"]
        axis = f"{'0':<{room - len(duration(whole))}}{duration(whole)}"
        drawn = [f"{'':<{column}}  {axis}"]
        drawn += [
            f"{name:<{column}} |{_bars(row.bars, whole, room)}| {printable(row.note)}"
            for name, row in zip(names, found, strict=True)
        ]
        drawn.append(_LEGEND)
    if left_out:
        drawn.append(f"and {left_out} more, none of them slower or worse")
    return drawn


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."


def _bars(bars: tuple[Bar, ...], whole: float, room: int) -> str:
    cells = [" "] * room
    for bar in bars:
        begin, end = (_cell(at, whole, room) for at in (bar.begin, bar.end))
        for cell in range(begin, end + 1):
            cells[cell] = _FILL[bar.kind]
        cells[end] = _ENDS.get((bar.kind, bar.ending), _FILL[bar.kind])
    return "".join(cells)


def _cell(at: float, whole: float, room: int) -> int:
    return min(room - 1, max(0, int(at / whole * room))) if whole > 0 else 0


def _foot(entry: Entry) -> list[str]:
    found = []
    spent = waits(entry)
    if spent:
        found.append("waited for: " + "; ".join(spent))
    found += reasons(entry)
    for change in entry.get("changes", ()):
        found += [f"{sign}{change['key']} = {value(change, field)}"
                  for sign, field in (("-", "old"), ("+", "new")) if field in change]  # fmt: skip
    if entry.get("more_changes"):
        found.append(f"and {entry['more_changes']} more keys")
    return found
