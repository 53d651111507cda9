# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where secrets are in the configuration, as the modules of this life have told."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from coordinator.api import module_status
from coordinator.core.members import Member
from protocol.keys import Path, parse_key
from protocol.secrets import MASK, Patterns, at, masked

_SETS = "flux config set "
"""What a command line contains that has a value of the configuration in it."""


class Secrets(NamedTuple):
    """What is secret at one moment; for use in any thread."""

    patterns: Patterns
    """The places, in the whole configuration."""

    def hidden(self, value: Any, path: Path = ()) -> Any:
        """The value at `path` without what is secret; itself where nothing is."""
        patterns = at(self.patterns, path)
        return masked(value, patterns) if patterns else value

    def is_secret(self, path: Path) -> bool:
        """Whether what is at `path` is a secret, or has one in it."""
        return bool(at(self.patterns, path))

    def without_value(self, command: str) -> str:
        """A command line as it was typed, without a value that is secret, or has such in it."""
        head, sets, typed = command.partition(_SETS)
        if not sets or not self.patterns:
            return command
        name = typed.partition(" ")[0]
        try:
            secret = self.is_secret(parse_key(name))
        except ValueError:
            secret = True  # nobody can tell
        return f"{head}{sets}{name} {MASK}" if secret else command

    def without_values(self, entry: dict[str, Any]) -> dict[str, Any]:
        """A status, or an entry of the history, of which this is so."""
        who = entry.get("who")
        if not isinstance(who, dict):
            return entry
        return {**entry, "who": {**who, "command": self.without_value(who["command"])}}


class SecretPlaces:
    """Of all modules that have joined; those of one that is gone stay where they were."""

    def __init__(self, members: Callable[[], Iterable[Member]]) -> None:
        self._members = members
        self._descriptions: dict[str, str] = {}
        self._known = Secrets(())

    def known(self) -> Secrets:
        """What is secret now.  To be called in the broker's loop."""
        for member in self._members():
            if self._descriptions.get(member.name) != member.description:
                self._descriptions[member.name] = member.description
                patterns = (*self._known.patterns, *module_status.secrets(member))
                self._known = Secrets(tuple(dict.fromkeys(patterns)))
        return self._known
