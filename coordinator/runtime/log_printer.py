# SPDX-License-Identifier: LGPL-3.0-or-later
"""Log lines as they appear on stderr."""

import sys
from contextlib import suppress
from typing import Any, Literal

import structlog

Format = Literal["json", "console"]


class Printer:
    """Renders lines and prints them."""

    def __init__(self, form: Format) -> None:
        renderer: Any = (
            structlog.processors.JSONRenderer()
            if form == "json"
            else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=12)
        )
        self._logger = structlog.wrap_logger(_Stderr(sys.stderr), processors=[renderer])

    def show(self, line: dict[str, Any]) -> None:
        """Print one."""
        self._logger.info(**line)


class _Stderr(structlog.PrintLogger):
    """A line that cannot be written (the disk of the log is full) is not the end."""

    def msg(self, message: str) -> None:
        with suppress(OSError):
            super().msg(message)

    info = msg
