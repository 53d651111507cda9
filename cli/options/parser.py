# SPDX-License-Identifier: LGPL-3.0-or-later
"""The parser of all commands: argparse with Flux's way to complain, and Flux's exit statuses.

Of wrong usage a command that Flux has exits with 1, as Flux's does; one that is ours alone exits
with 2, as most programs do (docs/flux-compat.md).  No option can be abbreviated: what is short for
one option today would be short for two tomorrow.
"""

from __future__ import annotations

import argparse
import os
import sys

from cli import naming
from cli.client import Trouble, complain

TYPE_CHECKING = False  # as typing has it, whose import takes as long as that of json
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

AS_FLUX = 1
"""Exit status of wrong usage, of a command that Flux has, too."""
OURS_ALONE = 2
"""Exit status of wrong usage, of a command that Flux has not."""

_MISSING = "the following arguments are required: "


class _Help(argparse.RawDescriptionHelpFormatter):
    """As wide as the terminal.  argparse asks shutil for that, whose import takes longer than
    all of `get`, and it does so whenever an option is added, wanted or not.
    """

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_width())


def _width() -> int:
    try:
        return os.get_terminal_size(1).columns - 2
    except OSError:
        return 98


class Parser(argparse.ArgumentParser):
    """Of one command, or of a family of them."""

    def __init__(self, prog: str, wrong_usage: int = AS_FLUX, **options: Any) -> None:
        """`wrong_usage` is AS_FLUX or OURS_ALONE; `options` are those of argparse."""
        super().__init__(prog=prog, formatter_class=_Help, allow_abbrev=False, **options)
        self.wrong_usage = wrong_usage
        self._refused: dict[str, str] = {}
        self._implied: dict[str, str] = {}
        self._as_json = False

    # What Flux has and we have not

    def refuse(self, *names: str, why: str) -> None:
        """Refuse these options of Flux's by name; `why` is the reason that is told."""
        self._refused.update(dict.fromkeys(names, why))

    @property
    def refused(self) -> dict[str, str]:
        """The options of Flux's that are refused here, and why."""
        return dict(self._refused)

    def add_optional_value(self, short: str, long: str, implied: str, **options: Any) -> None:
        """Add an option whose value may be left out, and must be joined to it where it is not.

        `--long=VALUE`, `-sVALUE`, `--long`, `-s`: as in getopt_long(3).  argparse would take the
        next word for the value.
        """
        self.add_argument(short, long, **options)
        self._implied.update(dict.fromkeys((short, long), f"{long}={implied}"))

    # Parsing

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does; what is wrong with a subcommand is told with that one's usage."""
        given = sys.argv[1:] if args is None else list(args)
        options, rest = self.parse_known_args(given, namespace)
        if rest:
            self._innermost(given).error(f"unrecognized arguments: {' '.join(rest)}")
        return options

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, once nothing is in it that is refused by name."""
        given = sys.argv[1:] if args is None else list(args)
        self._as_json = "--json" in given
        end = self._end_of_options(given)
        for word in given[:end] if self._refused else ():
            name = _option_in(word, self._refused)
            if name is not None:
                self._give_up(f"{name}: {self._refused[name]}")
        whole = [self._implied.get(word, word) for word in given[:end]]
        return super().parse_known_args([*whole, *given[end:]], namespace)

    def _end_of_options(self, given: Sequence[str]) -> int:
        """How many words may be options: those behind `--`, or of a program to run, are not."""
        end = given.index("--") if "--" in given else len(given)
        if all(action.nargs != argparse.REMAINDER for action in self._actions):
            return end
        place = 0
        while place < end and given[place].startswith("-"):
            action = self._option_string_actions.get(given[place])
            place += 2 if action is not None and action.nargs is None else 1
        return min(place, end)

    def _innermost(self, given: Sequence[str]) -> Parser:
        """The parser of the subcommand that was typed; this one where there is none."""
        choices = self._subcommands()
        for place, word in enumerate(given):
            if word in choices:
                return choices[word]._innermost(given[place + 1 :])
        return self

    def _subcommands(self) -> dict[str, Parser]:
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                return dict(action.choices)
        return {}

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            from protocol.nearest import did_you_mean

            near = did_you_mean(str(value), action.choices)
            self._give_up(f"Unknown subcommand: {value}{near}")
        super()._check_value(action, value)

    # Telling

    def error(self, message: str) -> NoReturn:
        """Wrong usage: a line on stderr, and the exit status that goes with it."""
        if self._subcommands() and message.startswith(_MISSING):
            message = "missing subcommand"
        if message.startswith("unrecognized arguments: -"):
            message += self._near(message.removeprefix("unrecognized arguments: "))
        self._give_up(message)

    def _near(self, rest: str) -> str:
        from protocol.nearest import did_you_mean

        typed = rest.split()[0].split("=")[0]
        return did_you_mean(typed, self._option_string_actions)

    def _give_up(self, message: str) -> NoReturn:
        words = [word for word in self.prog.split() if word not in ("flux", "accord")]
        complain(words[0] if words else "accord", message)
        self.print_usage(sys.stderr)
        if self._as_json:
            from cli import failure

            failure.tell_json(Trouble(message, "usage"), self.wrong_usage)
        sys.exit(self.wrong_usage)

    def format_help(self) -> str:
        """Under the names by which the commands are to be called here."""
        return naming.usage(super().format_help())

    def format_usage(self) -> str:
        """The same."""
        return naming.usage(super().format_usage())


def _option_in(word: str, names: dict[str, str]) -> str | None:
    """The option among `names` that this word gives, with or without its value."""
    if word.startswith("--"):
        name = word.partition("=")[0]
        return name if name in names else None
    return word[:2] if word[:1] == "-" and word[:2] in names else None
