# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux`: finds the command's own file and imports nothing else."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

from cli import streams

TYPE_CHECKING = False  # as typing has it, whose import takes as long as that of json
if TYPE_CHECKING:
    from typing import TextIO

COMMANDS = {
    "broker": ("cli.commands.broker", "run a broker"),
    "start": ("cli.commands.broker", "run a temporary broker, and a program in it"),
    "config": ("cli.commands.config.main", "look at and change the configuration"),
    "module": ("cli.commands.module.main", "load, remove, list and configure modules"),
    "modinfo": ("cli.commands.modinfo", "tell what modules can be told"),
    "getattr": ("cli.commands.attributes", "print an attribute of the broker"),
    "setattr": ("cli.commands.attributes", "set an attribute of the broker"),
    "lsattr": ("cli.commands.attributes", "list the attributes of the broker"),
    "dmesg": ("cli.commands.dmesg", "print the broker's recent log lines"),
    "version": ("cli.commands.version", "print version information"),
    "completion": ("cli.commands.completion", "print what completes command lines in a shell"),
}
"""By name: the file with `main(command, arguments)` and `parser(command)`, and the purpose."""

_COLOURED = ("broker", "start")
"""Their stderr is a log with colours, and the terminal is their program's."""


def front() -> int:
    """`flux` itself: hands over to a real Flux what is meant for that; else as `main`.

    `flux accord …` is all of ours, whoever's the broker is.
    """
    given = sys.argv[1:]
    if given[:1] == ["accord"]:
        return main(given[1:])
    if "_ARGCOMPLETE" not in os.environ:
        from cli import real_flux
        from fluxcore import command

        if real_flux.belongs_to_it(given, COMMANDS, os.environ.get("FLUX_URI", "")):
            real = command.find()
            if real is not None:
                try:
                    real_flux.hand_over(real, given)
                except OSError as error:
                    streams.complain(f"flux: {real}: {error.strerror}")
                    return 126
    return main(given)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit status."""
    gc.disable()  # most commands are over before there is anything to collect; others enable it
    if "_ARGCOMPLETE" in os.environ:
        import_module("cli.commands.completion").complete(COMMANDS)
    given = sys.argv[1:] if arguments is None else arguments
    streams.open_standard_streams(escape=given[:1] not in ([name] for name in _COLOURED))
    failure = None
    try:
        status = _run(given)
    except SystemExit as end:  # argparse, after help or wrong usage
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        streams.complain(f"flux-{given[0]}: interrupted")
        status = 130
    except BrokenPipeError:  # nobody reads us any more
        status = streams.BROKEN_PIPE_STATUS
    except OSError as error:
        status, failure = 1, f"flux: {error.strerror or error}"
    return streams.finish(status, failure)


def _run(given: list[str]) -> int:
    if not given:
        _help([], sys.stderr)  # as Flux does: nothing was asked for, and nothing done
        return 1
    if given[0] in ("-h", "--help", "help"):
        return _help(given[1:], sys.stdout)
    if given[0] in ("-V", "--version"):
        given = ["version"]
    command, rest = given[0], given[1:]
    if command not in COMMANDS:
        from protocol.nearest import did_you_mean

        near = did_you_mean(command, COMMANDS)
        streams.complain(f"flux: `{command}' is not a flux command. See 'flux help'{near}")
        return 1
    status: int = import_module(COMMANDS[command][0]).main(command, rest)
    return status


def _help(topics: list[str], file: TextIO) -> int:
    if topics and topics[0] in COMMANDS:
        return _run([topics[0], "--help"])
    if topics:
        from protocol.nearest import did_you_mean

        near = did_you_mean(topics[0], COMMANDS)
        streams.complain(f"flux: no help on `{topics[0]}'. See 'flux help'{near}")
        return 1
    print("usage: flux COMMAND [ARGUMENTS]\n\nCommands:", file=file)
    for name, (_, purpose) in COMMANDS.items():
        print(f"  {name:<10} {purpose}", file=file)
    print("\n`flux help COMMAND` and `flux COMMAND --help` tell more.", file=file)
    from fluxcore import command

    real = command.find()
    if real is not None:
        print(f"Other commands, and all for brokers of flux-core, go to {real}.", file=file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
