# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux config`: finds the file of the subcommand, and imports and builds nothing else.

Scripts call `flux config get` in loops, so what one subcommand needs must not cost the others.
"""

from __future__ import annotations

import sys
from importlib import import_module

from cli.client import Trouble
from cli.options.parser import AS_FLUX, OURS_ALONE, Parser
from cli.real_flux import OURS_ALONE_OF_CONFIG

COMMANDS = {
    "get": ("cli.commands.config.get", "print the configuration in force, or a part of it"),
    "builtin": ("cli.commands.config.get", "print a built-in value"),
    "set": ("cli.commands.config.change", "give a key a value"),
    "unset": ("cli.commands.config.change", "take a key away"),
    "merge": ("cli.commands.config.change", "change several keys at once"),
    "edit": ("cli.commands.config.change", "change what runs in an editor"),
    "load": ("cli.commands.config.change", "replace the configuration by another"),
    "reload": ("cli.commands.config.change", "propose the files on disk again"),
    "rollback": ("cli.commands.config.change", "go back to an earlier generation"),
    "confirm": ("cli.commands.config.change", "keep what was committed with --confirm"),
    "validate": ("cli.commands.config.validate", "judge files without a broker"),
    "status": ("cli.commands.config.status", "what is in force, and what is going on"),
    "history": ("cli.commands.config.history", "generations and refused attempts"),
    "timeline": ("cli.commands.config.timeline", "draw a change: who answered when"),
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
  2  wrong usage, of a command that Flux has not; where Flux has it, 1
  3  committed, but some module has not applied it

environment:
  FLUX_URI       where the broker is (default: local:///run/flux/local); set in what
                 `flux start` runs

`flux config COMMAND --help` tells more about a command."""


def main(_command: str, arguments: list[str]) -> int:
    """Run `flux config ARGUMENTS`; the exit status."""
    if arguments and arguments[0] in COMMANDS:
        options = _parser_of(arguments[0]).parse_args(arguments[1:])
    else:
        options = parser("config").parse_args(arguments)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        # As in Flux: JSON is UTF-8 in any locale.  Bytes of arguments that are none stay so.
        reconfigure(encoding="utf-8", errors="surrogateescape")
    try:
        status: int = options.run(options)
    except Trouble as trouble:
        from cli import failure

        return failure.tell("config", getattr(options, "json", False), trouble)
    return status


def _parser_of(command: str) -> Parser:
    """The parser of one subcommand."""
    alone = Parser(f"flux config {command}", _wrong_usage(command))
    _fill(command, alone)
    return alone


def _wrong_usage(command: str) -> int:
    return OURS_ALONE if command in OURS_ALONE_OF_CONFIG else AS_FLUX


def parser(_command: str) -> Parser:
    """The parser of all subcommands, for help, completion and wrong usage."""
    whole = Parser("flux config", description=_INTRODUCTION, epilog=_EPILOG)
    commands = whole.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for command, (_, purpose) in COMMANDS.items():
        _fill(
            command, commands.add_parser(command, help=purpose, wrong_usage=_wrong_usage(command))
        )
    return whole


def _fill(command: str, parser: Parser) -> None:
    import_module(COMMANDS[command][0]).BUILDERS[command](parser)
