# SPDX-License-Identifier: LGPL-3.0-or-later
"""One key given a value, or taken away: the change that `flux config set` and `unset` ask for.

The edit is made to whatever runs when its turn comes, inside the transaction, so that fifty people
who each set another key at the same moment all find theirs afterwards.  A value arrives as the text
that was typed; what it means depends on a type, which may be that of the value it replaces, and
that too is only known when the turn has come.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgpack

from coordinator.core.typed_text import read_text
from protocol import limits
from protocol.configuration import Configuration, Unfit
from protocol.keys import Path

TYPE_UNKNOWN: Final = "Type is unknown, please specify --type"


class Edit(NamedTuple):
    """Set `key` to what `text` means as `kind`; without a text, unset it.

    `kind` is one of KINDS, or None for the type of the value that is there.
    """

    key: Path
    text: str | None
    kind: str | None = None
    secret: bool = False
    """Whether `text` must not be in what is said about it."""

    def applied_to(self, running: Configuration) -> Configuration:
        """`running` with this edit made; `running` itself where nothing changes.

        Raises Unfit, with a sentence for people, where the edit cannot be made.
        """
        tree = running.plain()
        if self.text is None:
            if not _unset(tree, self.key):
                return running
        else:
            value = self._read(self.text, self._kind(running))
            _check(value, self.key)
            _set(tree, self.key, value)
        encoded: bytes = msgpack.packb(tree, use_bin_type=True)
        if len(encoded) > limits.CONFIGURATION_BYTES:
            raise Unfit(
                f"the configuration would take {len(encoded)} bytes; "
                f"at most {limits.CONFIGURATION_BYTES} are allowed"
            )
        return Configuration(encoded)

    def _read(self, text: str, kind: str) -> Any:
        try:
            return read_text(text, kind, self.key)
        except Unfit:
            if not self.secret:
                raise
        raise Unfit(f"what was typed cannot be read as {kind}; it is not shown", self.key)

    def _kind(self, running: Configuration) -> str:
        if self.kind is not None:
            return self.kind
        try:
            return kind_of(running.get(self.key))
        except KeyError:
            raise Unfit(TYPE_UNKNOWN) from None


def kind_of(value: object) -> str:
    """The name of the type of a value of a configuration."""
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, tuple | list):
        return "array"
    return _NAMES[type(value)]


_NAMES = {str: "string", bool: "boolean", int: "integer", float: "real"}


# Value to place


def _check(value: Any, key: Path) -> None:
    """Raise Unfit where `value` cannot be part of a configuration at `key`."""
    probe: Any = value
    for step in reversed(key):
        probe = {step if isinstance(step, str) else "": probe}
    try:
        Configuration.of(probe)
    except Unfit as unfit:
        raise Unfit(unfit.message, (*key, *unfit.key[len(key) :])) from None


def _set(tree: dict[str, Any], key: Path, value: Any) -> None:
    """Put `value` at `key` of `tree`, whose tables are in order and stay so."""
    place: Any = tree
    for depth, step in enumerate(key):
        last = depth == len(key) - 1
        if isinstance(step, int):
            _check_index(place, key[: depth + 1])
        elif not isinstance(place, dict):
            raise Unfit("is not a table, so nothing can be set in it", key[:depth])
        elif step not in place:
            place[step] = None if last else {}
            ordered = sorted(place.items())
            place.clear()
            place.update(ordered)
        if last:
            place[step] = _ordered(value)
        else:
            place = place[step]


def _check_index(place: Any, key: Path) -> None:
    index = key[-1]
    assert isinstance(index, int)
    if not isinstance(place, list) or index >= len(place):
        raise Unfit("there is no such element to set; set the whole array", key)


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_ordered(member) for member in value]
    return value


def _unset(tree: dict[str, Any], key: Path) -> bool:
    """Take `key` out of `tree`.  Returns True if it was there."""
    place: Any = tree
    for step in key[:-1]:
        if not _has(place, step):
            return False
        place = place[step]
    if not _has(place, key[-1]):
        return False
    del place[key[-1]]
    return True


def _has(place: Any, step: str | int) -> bool:
    if isinstance(step, int):
        return isinstance(place, list) and step < len(place)
    return isinstance(place, dict) and step in place
