# SPDX-License-Identifier: LGPL-3.0-or-later
"""An edit made to a copy of what ran, made to what runs now.

flux-core's `flux config set` reads the whole configuration, edits it, and loads the whole; what
others committed in between would be lost.  Both requests come on one connection, so it is known
what was read: the difference between that and what is loaded is the edit (a three-way merge in
which the edit wins, table by table; arrays are values).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from protocol.configuration import Configuration


class Rebased(NamedTuple):
    """A proposal: what turns `read` into `wanted`, done to what runs when the turn comes."""

    read: Configuration
    wanted: Configuration

    def applied_to(self, running: Configuration) -> Configuration:
        """Raises Unfit where the result is too large or too deep."""
        merged = _rebased(self.read.plain(), self.wanted.plain(), running.plain())
        return Configuration.of(merged)


def _rebased(
    read: Mapping[str, Any], wanted: Mapping[str, Any], running: Mapping[str, Any]
) -> dict[str, Any]:
    result = dict(running)
    for key in read.keys() | wanted.keys():
        if key not in wanted:
            result.pop(key, None)
            continue
        was, is_now, will_be = read.get(key), running.get(key), wanted[key]
        if key in read and _same(was, will_be):
            continue  # not touched by the edit
        if isinstance(will_be, dict) and isinstance(is_now, dict):
            result[key] = _rebased(was if isinstance(was, dict) else {}, will_be, is_now)
        else:
            result[key] = will_be
    return result


def _same(one: Any, other: Any) -> bool:
    """Equal, and of one type on every level: 1 is not 1.0, nor true."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
