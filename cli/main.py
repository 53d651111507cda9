# SPDX-License-Identifier: LGPL-3.0-or-later
"""`flux`: finds the command's own file and imports nothing else."""

import gc
import os
import sys
from importlib import import_module

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


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit status."""
    gc.disable()  # most commands are over before there is anything to collect; others enable it
    if "_ARGCOMPLETE" in os.environ:
        import_module("cli.commands.completion").complete(COMMANDS)
    given = sys.argv[1:] if arguments is None else arguments
    if not given or given[0] in ("-h", "--help", "help"):
        return _help(given[1:])
    if given[0] in ("-V", "--version"):
        given = ["version"]
    command, rest = given[0], given[1:]
    if command not in COMMANDS:
        print(f"flux: `{command}' is not a flux command. See 'flux help'", file=sys.stderr)
        return 2
    try:
        status: int = import_module(COMMANDS[command][0]).main(command, rest)
    except KeyboardInterrupt:
        print(f"flux-{command}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads us any more, so Python need not try to flush
        return 141
    return status


def _help(topics: list[str]) -> int:
    if topics and topics[0] in COMMANDS:
        return main([*topics, "--help"])
    if topics:
        print(f"flux: no help on `{topics[0]}'. See 'flux help'", file=sys.stderr)
        return 2
    print("usage: flux COMMAND [ARGUMENTS]\n\nCommands:")
    for name, (_, purpose) in COMMANDS.items():
        print(f"  {name:<10} {purpose}")
    print("\n`flux help COMMAND` and `flux COMMAND --help` tell more.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
