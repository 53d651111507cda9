# SPDX-License-Identifier: LGPL-3.0-or-later
"""Values of the configuration in force, found without making a whole of it read-only first.

`Configuration.tree` costs half a second for one of 5 MB, and the loop would stand still for it.
"""

from typing import Any

from coordinator.core.decisions import Durable
from protocol.keys import Path


class Lookup:
    """Looks into what runs; the last generation that was asked about is kept decoded."""

    def __init__(self) -> None:
        self._running: Durable | None = None
        self._tree: dict[str, Any] = {}

    def at(self, running: Durable, path: Path) -> Any:
        """The value at `path`, to be read only; KeyError where there is none."""
        if running is not self._running:
            self._running, self._tree = running, running.configuration.plain()
        value: Any = self._tree
        for step in path:
            value = _inside(value, step)
        return value


def _inside(value: Any, step: str | int) -> Any:
    if isinstance(step, str):
        if isinstance(value, dict):
            return value[step]
    elif isinstance(value, list) and step < len(value):
        return value[step]
    raise KeyError(step)
