# SPDX-License-Identifier: LGPL-3.0-or-later
"""What has to be changed in one configuration to get another, key by key; pure."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgpack

from protocol.configuration import Configuration
from protocol.keys import Path, format_key


class _Absent:
    """No value at all; a configuration has no null that could stand for it."""


ABSENT = _Absent()


class Difference(NamedTuple):
    """One key whose value is not the same.  ABSENT where a side has none."""

    key: Path
    old: Any
    new: Any

    def as_json(self) -> dict[str, Any]:
        """The shape that `flux config diff --json` shows; a side without a value has no field."""
        fields: dict[str, Any] = {"key": format_key(self.key)}
        if self.old is not ABSENT:
            fields["old"] = self.old
        if self.new is not ABSENT:
            fields["new"] = self.new
        return fields


def differences(old: Configuration, new: Configuration) -> Iterator[Difference]:
    """Every key that differs, in the order of the keys.

    A table that only one side has is told key by key.  Of two arrays of tables the elements are
    compared, after those that are the same at either end; any other array differs as a whole.  An
    integer and a real are different values, as everywhere.
    """
    if old == new:
        return
    for name in sorted(old.parts.keys() | new.parts.keys()):
        before, after = old.parts.encoding(name), new.parts.encoding(name)
        if before != after:  # most tables are the same, and need not be decoded
            yield from _compare(_decoded(before), _decoded(after), (name,))


def _decoded(encoded: bytes) -> Any:
    return msgpack.unpackb(encoded, raw=False) if encoded else ABSENT


def _between(old: dict[str, Any], new: dict[str, Any], path: Path) -> Iterator[Difference]:
    for name in sorted(old.keys() | new.keys()):
        yield from _compare(old.get(name, ABSENT), new.get(name, ABSENT), (*path, name))


def _compare(old: Any, new: Any, path: Path) -> Iterator[Difference]:
    inner_old = old if isinstance(old, dict) else {}
    inner_new = new if isinstance(new, dict) else {}
    tables = [side for side in (old, new) if isinstance(side, dict)]
    one_sided = old is ABSENT or new is ABSENT
    if len(tables) == 2 or (one_sided and any(tables)):
        yield from _between(inner_old, inner_new, path)
    elif _is_array_of_tables(old) and _is_array_of_tables(new):
        yield from _elements(old, new, path)
    elif not _same(old, new):
        yield Difference(path, old, new)


def _is_array_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(e, dict) for e in value)


def _elements(old: list[Any], new: list[Any], path: Path) -> Iterator[Difference]:
    """What differs between the elements that two arrays of tables do not share at their ends.

    What was put in front or taken out in the middle is told as that, not as a change of all that
    comes after it.
    """
    before, after = [_encoded(element) for element in old], [_encoded(element) for element in new]
    shortest = min(len(old), len(new))
    first = 0
    while first < shortest and before[first] == after[first]:
        first += 1
    last = 0
    while last < shortest - first and before[-1 - last] == after[-1 - last]:
        last += 1
    old_end, new_end = len(old) - last, len(new) - last
    for index in range(first, max(old_end, new_end)):
        one = old[index] if index < old_end else ABSENT
        other = new[index] if index < new_end else ABSENT
        if one is ABSENT or other is ABSENT:
            yield Difference((*path, index), one, other)
        else:
            yield from _compare(one, other, (*path, index))


def _encoded(value: Any) -> bytes:
    encoded: bytes = msgpack.packb(value)
    return encoded


def _same(old: Any, new: Any) -> bool:
    if old is ABSENT or new is ABSENT:
        return old is new
    return _encoded(old) == _encoded(new)
