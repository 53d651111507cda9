"""The broker's log: structured lines on stderr, and the recent ones kept for `flux dmesg`.

One line a phase, each with what belongs to it (txid, generation, epoch, module, elapsed), so that a
change can be followed by its txid alone.
"""

import sys
from collections import deque
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Literal

import structlog

from protocol import limits

Format = Literal["json", "console"]


class Log:
    """Writes lines, and remembers the last of them."""

    def __init__(self, form: Format, quiet: bool = False) -> None:
        """`quiet`: only warnings and worse go to stderr; everything is remembered."""
        self.recent: deque[dict[str, Any]] = deque(maxlen=limits.LOG_LINES)
        self._quiet = quiet
        renderer: Any = (
            structlog.processors.JSONRenderer()
            if form == "json"
            else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=12)
        )
        self._logger = structlog.wrap_logger(
            _Printer(sys.stderr),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                self._remember,
                renderer,
            ],
        )

    def line(self, event: str, fields: Mapping[str, Any]) -> None:
        """A line about something ordinary."""
        self._logger.info(event, **fields)

    def warn(self, event: str, **fields: Any) -> None:
        """A line that somebody should read."""
        self._logger.warning(event, **fields)

    def _remember(
        self, _logger: Any, method: str, line: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        self.recent.append(dict(line))
        if self._quiet and method == "info":
            raise structlog.DropEvent
        return line


class _Printer(structlog.PrintLogger):
    """Prints; a line that cannot be written (the disk of the log is full) is not the end."""

    def msg(self, message: str) -> None:
        with suppress(OSError):
            super().msg(message)

    info = warning = msg
