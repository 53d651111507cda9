# SPDX-License-Identifier: LGPL-3.0-or-later
"""Several keys in one change: a JSON Merge Patch (RFC 7396), made to what runs when its turn comes.

What the patch does not name stays as it is, so two people who merge different keys at the same
moment find both.  A table is merged, null takes a key away, and anything else (an array, too)
replaces what was there.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgpack

from protocol.configuration import Configuration, digest_of
from protocol.keys import Path


class MergePatch(NamedTuple):
    """A proposal: this patch made to what runs."""

    encoded: bytes
    """The patch, a table, in msgpack; nil stands for null."""

    @property
    def digest(self) -> str:
        """Under which its text is known."""
        return digest_of(self.encoded)

    def applied_to(self, running: Configuration) -> Configuration:
        """`running` with this patch made; `running` itself where nothing changes.

        Raises Unfit where the result is none that a configuration can be.
        """
        merged = Configuration.of(merged_with(running.plain(), self._tree()))
        return running if merged == running else merged

    def keys(self) -> Iterator[Path]:
        """The keys that are given another value, or taken away."""
        return _leaves(self._tree(), ())

    def _tree(self) -> dict[str, Any]:
        tree: dict[str, Any] = msgpack.unpackb(self.encoded, raw=False)
        return tree


def merged_with(target: Any, patch: Any) -> Any:
    """`target` after `patch`; RFC 7396, section 2, MergePatch.  Either may be any JSON value.

    >>> merged_with({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": 3}})
    {'b': {'c': 2, 'd': 3}}
    """
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged_with(result.get(key), value)
    return result


def _leaves(table: Mapping[str, Any], path: Path) -> Iterator[Path]:
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key)
