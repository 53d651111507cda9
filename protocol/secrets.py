# SPDX-License-Identifier: LGPL-3.0-or-later
"""Values that are shown to nobody: where they are, and what stands in their place.

A module declares which of its settings are secret and tells the coordinator in its description, as
`secrets`: a list of paths, each a list of names, with "*" for every key of a table and every
element of an array.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from protocol.keys import Path

MASK: Final = "********"
"""What is shown in the place of a secret, however long that is, and also if it is empty."""
ANY: Final = "*"
"""The step of a pattern that stands for every key and every index."""

Patterns: TypeAlias = tuple[Path, ...]


def masked(value: Any, patterns: Iterable[Path]) -> Any:
    """A copy of `value`, of dicts and lists, with MASK for all that lies at one of `patterns`.

    The patterns are relative to `value`; one that is empty masks it whole.  None is no value.

    >>> masked({"user": "me", "password": "x"}, [("password",)])
    {'user': 'me', 'password': '********'}
    """
    patterns = tuple(patterns)
    if () in patterns:
        return None if value is None else MASK
    if isinstance(value, Mapping):
        return {key: masked(child, below(patterns, key)) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [masked(child, below(patterns, index)) for index, child in enumerate(value)]
    return value


def below(patterns: Iterable[Path], step: str | int) -> Patterns:
    """What `patterns` say of what is found under `step`."""
    return tuple(pattern[1:] for pattern in patterns if pattern and pattern[0] in (step, ANY))


def at(patterns: Iterable[Path], path: Path) -> Patterns:
    """What `patterns` say of what is at `path`: all of it is secret if () is among them."""
    found = tuple(patterns)
    for step in path:
        if () in found:
            return ((),)
        found = below(found, step)
    return found


def values_at(value: Any, patterns: Iterable[Path]) -> Iterator[Any]:
    """The values, no tables or arrays, that `masked` would not show."""
    patterns = tuple(patterns)
    secret = () in patterns
    if isinstance(value, Mapping):
        for key, child in value.items():
            yield from values_at(child, ((),) if secret else below(patterns, key))
    elif isinstance(value, list | tuple):
        for index, child in enumerate(value):
            yield from values_at(child, ((),) if secret else below(patterns, index))
    elif secret and value is not None:
        yield value


def from_description(told: object) -> Patterns:
    """`secrets` of a description, as it came over the wire; what is no path is passed over."""
    if not isinstance(told, list):
        return ()
    return tuple(
        tuple(path)
        for path in told
        if isinstance(path, list) and path and all(isinstance(step, str) for step in path)
    )


def scrubbed(value: Any, secrets: Iterable[str]) -> Any:
    """A copy of JSON-like `value` with MASK wherever one of the texts `secrets` occurs in it.

    In names, too; of several that become the same, the last stays.
    """
    if isinstance(value, Mapping):
        return {_name(key, secrets): scrubbed(child, secrets) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [scrubbed(child, secrets) for child in value]
    if isinstance(value, str):
        for secret in sorted(secrets, key=len, reverse=True):
            value = value.replace(secret, MASK)
        return value
    return MASK if not isinstance(value, bool) and str(value) in secrets else value


def _name(key: Any, secrets: Iterable[str]) -> Any:
    return scrubbed(key, secrets) if isinstance(key, str | int | float) else key
