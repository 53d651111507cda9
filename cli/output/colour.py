# SPDX-License-Identifier: LGPL-3.0-or-later
"""The option --color of Flux's commands, and the colours that they use for the same things."""

import os
from typing import TextIO

from cli.options.parser import Parser

_RESET, _BOLD, _REVERSE = "\x1b[0m", "\x1b[1m", "\x1b[7m"
_RED, _GREEN, _YELLOW, _BLUE, _CYAN = (f"\x1b[{number}m" for number in (31, 32, 33, 34, 36))
_STYLES = {
    "name": _YELLOW,
    "time": _GREEN,
    "minute": _BOLD + _GREEN,
    "emerg": _REVERSE + _RED,
    "alert": _REVERSE + _RED,
    "crit": _BOLD + _RED,
    "err": _RED,
    "warning": _BOLD,
    "debug": _BLUE,
    "request": _BOLD + _BLUE,
    "response": _CYAN,
    "failure": _BOLD + _RED,
}


def add_colour(parser: Parser) -> None:
    """The option --color."""
    parser.add_optional_value(
        "-L",
        "--color",
        "always",
        metavar="[WHEN]",
        default="auto",
        choices=("always", "never", "auto"),
        help="always (default where WHEN is left out), never, or auto (default): on terminals",
    )


class Painter:
    """Puts text into colours, or leaves it as it is."""

    def __init__(self, when: str, file: TextIO) -> None:
        """`when` is that of --color.  With NO_COLOR in the environment `auto` is never."""
        wanted = file.isatty() and not os.environ.get("NO_COLOR")
        self.colours = when == "always" or (when == "auto" and wanted)

    def __call__(self, style: str, text: str) -> str:
        """`text` as things of this kind are shown."""
        if not self.colours or style not in _STYLES:
            return text
        return f"{_STYLES[style]}{text}{_RESET}"
