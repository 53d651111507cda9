# SPDX-License-Identifier: LGPL-3.0-or-later
"""The broker's log: structured lines on stderr, and the recent ones kept for `flux dmesg`.

One line a phase, each with what belongs to it (txid, generation, epoch, module, elapsed), so that a
change can be followed by its txid alone.
"""

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from protocol import limits

if TYPE_CHECKING:
    from coordinator.runtime.log_printer import Format, Printer


LEVELS = {"warning": 4, "notice": 5, "info": 6}
"""Severities by name, as numbered by syslog(3)."""


class Logger(Protocol):
    """Where lines go."""

    def line(self, event: str, fields: Mapping[str, Any]) -> None:
        """A line about something ordinary."""

    def notice(self, event: str, **fields: Any) -> None:
        """A line that belongs into every journal: what has changed, and what was refused."""

    def warn(self, event: str, **fields: Any) -> None:
        """A line that somebody should read."""


class Log:
    """Writes lines, and remembers the last of them."""

    def __init__(self, form: "Format", level: int = 6, kept: int = limits.LOG_LINES) -> None:
        """Lines up to severity `level` go to stderr; the last `kept` of all are remembered."""
        self._recent: deque[tuple[float, str, str, Mapping[str, Any]]]
        self._recent = deque(maxlen=kept)
        self._form: Format = form
        self.level = level
        self.listener: Callable[[Callable[[], dict[str, Any]]], None] | None = None
        """Called at every line, shown or not, with what makes it: mostly nobody follows."""
        self._held: deque[tuple[float, str, str, Mapping[str, Any]]] = deque()
        self._wake: Callable[[], None] | None = None

    def line(self, event: str, fields: Mapping[str, Any]) -> None:
        """A line about something ordinary."""
        self._add("info", event, fields)

    def notice(self, event: str, **fields: Any) -> None:
        """A line that belongs into every journal: what has changed, and what was refused."""
        self._add("notice", event, fields)

    def warn(self, event: str, **fields: Any) -> None:
        """A line that somebody should read."""
        self._add("warning", event, fields)

    def hold(self, wake: Callable[[], None]) -> None:
        """Print ordinary lines from now on by `flush` only; `wake` when the first of them waits.

        For who has something better to do at the moment, and will be at leisure soon.
        """
        self._wake = wake

    def flush(self) -> None:
        """Print what waits."""
        while self._held:
            self._print(_whole(*self._held.popleft()))

    def recent(self) -> list[dict[str, Any]]:
        """The lines that are remembered, oldest first."""
        return [_whole(*line) for line in self._recent]

    def clear(self) -> None:
        """Forget the lines that are remembered."""
        self._recent.clear()

    def _add(self, level: str, event: str, fields: Mapping[str, Any]) -> None:
        line = time.time(), level, event, fields
        self._recent.append(line)
        if LEVELS[level] <= self.level:
            self._held.append(line)
            if self._wake is None or level == "warning":
                self.flush()
            elif len(self._held) == 1:
                self._wake()
        if self.listener is not None:
            self.listener(lambda: _whole(*line))

    def _print(self, line: dict[str, Any]) -> None:
        try:
            printer = self._printer
        except (ImportError, OSError):  # out of descriptors, with which files are read
            with suppress(OSError):
                print(json.dumps(line, default=str), file=sys.stderr, flush=True)
        else:
            printer.show(line)

    @cached_property
    def _printer(self) -> "Printer":
        # Imported when there is something to print: it takes a quarter of a quiet start.
        from coordinator.runtime.log_printer import Printer

        return Printer(self._form)


def _whole(at: float, level: str, event: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    timestamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
    return {**fields, "event": event, "level": level, "timestamp": timestamp.replace("+00:00", "Z")}
