# SPDX-License-Identifier: LGPL-3.0-or-later
"""Values of the configuration in force, found without making a whole of it read-only first.

`Configuration.tree` costs half a second for one of 5 MB, and the loop would stand still for it.
"""

from typing import Any

from coordinator.api.secret_places import SecretPlaces
from coordinator.core.decisions import Durable
from protocol.keys import Path
from protocol.secrets import Patterns, masked


class Lookup:
    """Looks into what runs; the last generation that was asked about is kept decoded.

    Twice where modules have told of secrets: guests are shown a copy without them.
    """

    def __init__(self, secrets: SecretPlaces) -> None:
        self._secrets = secrets
        self._running: Durable | None = None
        self._tree: dict[str, Any] = {}
        self._patterns: Patterns = ()
        self._masked: dict[str, Any] | None = None

    def at(self, running: Durable, path: Path, is_owner: bool = True) -> Any:
        """The value at `path`, to be read only; KeyError where there is none.

        `is_owner`: whether secrets may be in it.
        """
        if running is not self._running:
            self._running, self._tree = running, running.configuration.plain()
            self._masked = None
        value: Any = self._tree if is_owner else self._for_guests()
        for step in path:
            value = _inside(value, step)
        return value

    def _for_guests(self) -> dict[str, Any]:
        patterns = self._secrets.known().patterns
        if self._masked is None or patterns != self._patterns:
            self._patterns = patterns
            self._masked = masked(self._tree, patterns) if patterns else self._tree
        return self._masked


def _inside(value: Any, step: str | int) -> Any:
    if isinstance(step, str):
        if isinstance(value, dict):
            return value[step]
    elif isinstance(value, list) and step < len(value):
        return value[step]
    raise KeyError(step)
