# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config`: finds the file of the subcommand, and imports and builds nothing else.

Scripts call `flux config get` in loops, so what one subcommand needs must not cost the others.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from cli import naming
from cli.client import Trouble, complain

TYPE_CHECKING = False  # as typing has it, whose import takes as long as that of json
if TYPE_CHECKING:
    from typing import Any, NoReturn

COMMANDS = {
    "get": ("cli.commands.config.get", "print the configuration in force, or a part of it"),
    "builtin": ("cli.commands.config.get", "print a built-in value"),
    "set": ("cli.commands.config.change", "give a key a value"),
    "unset": ("cli.commands.config.change", "take a key away"),
    "load": ("cli.commands.config.change", "replace the configuration by another"),
    "reload": ("cli.commands.config.change", "propose the files on disk again"),
    "rollback": ("cli.commands.config.change", "go back to an earlier generation"),
    "confirm": ("cli.commands.config.change", "keep what was committed with --confirm"),
    "validate": ("cli.commands.config.validate", "judge files without a broker"),
    "status": ("cli.commands.config.status", "what is in force, and what is going on"),
    "history": ("cli.commands.config.history", "generations and refused attempts"),
    "show": ("cli.commands.config.history", "print an earlier generation"),
    "diff": ("cli.commands.config.history", "what differs between two configurations"),
    "watch": ("cli.commands.config.watch", "print a value at every committed generation"),
    "dump": ("cli.commands.config.watch", "print everything at once"),
    "schema": ("cli.commands.config.schema", "print the JSON Schema of what --json prints"),
}

_INTRODUCTION = """\
Look at and change the configuration of a broker and of all its modules.  A change is
committed by all modules or by none: no module ever runs what another one refused."""

_EPILOG = """\
exit status:
  0  done, or nothing to do
  1  refused or failed; nothing changed
  2  wrong usage
  3  committed, but some module has not applied it

environment:
  FLUX_URI       where the broker is; set in what `flux start` runs

`flux config COMMAND --help` tells more about a command."""


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
    """argparse with Flux's way to complain."""

    def __init__(self, prog: str, **options: object) -> None:
        super().__init__(
            prog=prog,
            formatter_class=_Help,
            **options,  # type: ignore[arg-type]
        )
        self._as_json = False

    def format_help(self) -> str:
        """Under the names by which the commands are to be called here."""
        return naming.usage(super().format_help())

    def format_usage(self) -> str:
        """The same."""
        return naming.usage(super().format_usage())

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse's; remembers what was given."""
        self._as_json = "--json" in (sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Wrong usage: a line on stderr, JSON where that was asked for, and exit status 2."""
        complain("config", message)
        self.print_usage(sys.stderr)
        if self._as_json:
            from cli.output import failure

            failure.tell_json(Trouble(message, "usage"), 2)
        sys.exit(2)


def main(_command: str, arguments: list[str]) -> int:
    """Run `flux config ARGUMENTS`; the exit status."""
    if arguments and arguments[0] in COMMANDS:
        options = _parser_of(arguments[0]).parse_args(arguments[1:])
    else:
        options = parser("config").parse_args(arguments)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(encoding="utf-8")  # as in Flux: JSON is UTF-8 in any locale
    try:
        status: int = options.run(options)
    except Trouble as trouble:
        from cli.output import failure

        return failure.tell("config", getattr(options, "json", False), trouble)
    return status


def _parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of one subcommand."""
    alone = Parser(f"flux config {command}")
    _fill(command, alone)
    return alone


def parser(_command: str) -> argparse.ArgumentParser:
    """The parser of all subcommands, for help, completion and wrong usage."""
    whole = Parser("flux config", description=_INTRODUCTION, epilog=_EPILOG)
    commands = whole.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for command, (_, purpose) in COMMANDS.items():
        _fill(command, commands.add_parser(command, help=purpose))
    return whole


def _fill(command: str, parser: argparse.ArgumentParser) -> None:
    import_module(COMMANDS[command][0]).BUILDERS[command](parser)
