# SPDX-License-Identifier: LGPL-3.0-or-later
"""What shells can complete: names that the broker knows, or that this machine has, asked at TAB."""

from __future__ import annotations

TYPE_CHECKING = False  # as typing has it, whose import takes as long as that of json
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable
    from typing import Any

_SECONDS = 1.0
"""Nobody waits longer for a completion."""


def complete_by(action: argparse.Action, names: Callable[[], Iterable[str]]) -> None:
    """Have argcomplete offer `names()` for this argument."""

    def completer(prefix: str, **_: object) -> list[str]:
        return [name for name in names() if name.startswith(prefix)]

    action.completer = completer  # type: ignore[attr-defined]


def _asked(op: str, **fields: Any) -> dict[str, Any]:
    """The broker's answer; empty where there is none, of which a shell wants to hear nothing."""
    from cli.client import Client, Trouble

    try:
        return Client().ask(op, _SECONDS, **fields)
    except Trouble:
        return {}


def configuration_keys() -> Iterable[str]:
    """The dotted keys of the configuration in force."""
    return _keys(_asked("get").get("configuration", {}), ())


def _keys(table: dict[str, object], path: tuple[str, ...]) -> Iterable[str]:
    from protocol.keys import format_key

    for name, value in table.items():
        yield format_key((*path, name))
        if isinstance(value, dict):
            yield from _keys(value, (*path, name))


def attribute_names() -> Iterable[str]:
    """The attributes of the broker."""
    return list(_asked("lsattr").get("attributes", {}))


def loaded_modules() -> Iterable[str]:
    """The modules that are loaded or attached."""
    return [module["name"] for module in _asked("modules").get("modules", ())]


def loadable_modules() -> Iterable[str]:
    """The modules that can be loaded by name."""
    from participant.loader import loadable_names

    return loadable_names()


def known_modules() -> Iterable[str]:
    """Both."""
    return dict.fromkeys((*loadable_modules(), *loaded_modules()))


def generations() -> Iterable[str]:
    """The numbers of the newest generations, latest first."""
    entries = _asked("history", most=100).get("history", ())
    return dict.fromkeys(str(entry["generation"]) for entry in entries if entry.get("generation"))
