# SPDX-License-Identifier: LGPL-3.0-or-later
"""The argument NAME of several commands: a dotted key, which shells can complete."""

import argparse
from collections.abc import Iterator

_SECONDS = 1.0
"""Nobody waits longer for a completion."""


def add_name(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """Add NAME; where it is optional, leaving it out means everything."""
    if optional:
        action = parser.add_argument(
            "name", metavar="NAME", nargs="?", help="dotted key; default: everything"
        )
    else:
        action = parser.add_argument("name", metavar="NAME", help="dotted key")
    action.completer = keys  # type: ignore[attr-defined]


def keys(prefix: str, **_: object) -> list[str]:
    """The keys of the configuration in force that begin with `prefix`; for argcomplete."""
    from cli.client import Client, Trouble

    try:
        tree = Client().ask("get", _SECONDS)["configuration"]
    except Trouble:
        return []
    return [key for key in _keys(tree, ()) if key.startswith(prefix)]


def _keys(table: dict[str, object], path: tuple[str, ...]) -> Iterator[str]:
    from protocol.keys import format_key

    for name, value in table.items():
        yield format_key((*path, name))
        if isinstance(value, dict):
            yield from _keys(value, (*path, name))
