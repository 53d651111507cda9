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

    A table that only one side has is told key by key; an array differs as a whole.  An integer and
    a real are different values, as everywhere.
    """
    if old != new:
        yield from _between(old.plain(), new.plain(), ())


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
    elif not _same(old, new):
        yield Difference(path, old, new)


def _same(old: Any, new: Any) -> bool:
    if old is ABSENT or new is ABSENT:
        return old is new
    left: bytes = msgpack.packb(old)
    right: bytes = msgpack.packb(new)
    return left == right
