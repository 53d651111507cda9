# SPDX-License-Identifier: LGPL-3.0-or-later
"""Keys and tables of a change that nobody reads: most likely somebody has misspelt them.

Only what the change sets is looked at: whoever changes one key is not told of another's old one.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from coordinator.comparison.differences import ABSENT, Difference, differences
from coordinator.comparison.foreign import KEY, TABLE, foreign_tables
from coordinator.comparison.readers import Reader, reader_of, readers_by_table
from protocol import limits
from protocol.configuration import Configuration
from protocol.keys import Path, format_key
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason

_BROKERS_OWN = frozenset({"access"})
"""Tables that the broker reads, whether a module judges them or not."""


def unread_in(
    before: Configuration, after: Configuration, members: Iterable[tuple[str, str]]
) -> tuple[Reason, ...]:
    """The same from names and descriptions, as modules give them in Join."""
    changes = differences(before, after)
    readers = [reader_of(name, description) for name, description in members]
    return unread(changes, after, readers)


def unread(
    changes: Iterable[Difference], after: Configuration, readers: Sequence[Reader | None]
) -> tuple[Reason, ...]:
    """A reason, without a place, for each key that none of `readers` reads; bounded.

    Where there is a reader of whom nobody knows what it reads (None), or none at all, nothing is
    said.
    """
    if None in readers or not readers:
        return ()
    # Of many modules of the same class, one is enough.
    distinct = {(one.tables, id(one.schema)): one for one in readers if one is not None}
    known = readers_by_table(distinct.values())
    foreign = foreign_tables(after.tree)
    found: dict[Path, frozenset[str]] = {}
    for change in changes:
        if len(found) > limits.UNREAD_SHOWN:
            break
        if change.new is ABSENT or change.key[0] in foreign:
            continue
        for key in _inside(change.new, change.key):
            place, names = _first_unread(key, known)
            if place:
                found.setdefault(place, names)
            if len(found) > limits.UNREAD_SHOWN:
                break
    told = [_reason(place, names) for place, names in found.items()]
    if len(told) > limits.UNREAD_SHOWN:
        more = "more keys that no module reads are left out"
        told[-1] = Reason("config", more, code=ReasonCode.CUT)
    return tuple(told)


def _inside(value: Any, path: Path) -> Iterator[Path]:
    """The key itself, or the keys of the tables that it is made of."""
    if value and isinstance(value, dict | list):
        for step, member in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _inside(member, (*path, step))
    else:
        yield path


def _first_unread(
    path: Path, readers: Mapping[str | int, list[Reader]]
) -> tuple[Path, frozenset[str]]:
    """The shortest part of the path that nobody reads, and what would be read there; or ()."""
    if path[0] == TABLE:
        return ((), frozenset()) if path[1:2] == (KEY,) else (path[:2], frozenset({KEY}))
    having = readers.get(path[0])
    if having is None and path[0] in _BROKERS_OWN:
        return (), frozenset()
    if having is None:
        return path[:1], frozenset(map(str, readers))
    found = [reader.find(path) for reader in having]
    farthest = max(one.known for one in found)
    if farthest >= len(path):
        return (), frozenset()
    names = [one.names for one in found if one.known == farthest]
    return path[: farthest + 1], frozenset().union(*names)


def _reason(place: Path, names: frozenset[str]) -> Reason:
    near = difflib.get_close_matches(str(place[-1]), sorted(names), 1)
    guess = f"; did you mean {format_key((near[0],))}?" if near else ""
    what = "table or key" if len(place) == 1 else "key"
    why = f"unknown {what}, which no module reads{guess}"
    return Reason("config", why, place, code=ReasonCode.UNKNOWN_KEY)
