# SPDX-License-Identifier: LGPL-3.0-or-later
"""Completion of command lines in bash, zsh and fish, by argcomplete.

`flux completion SHELL` prints what the shell is to evaluate.  When a line is being completed the
shell calls `flux` with _ARGCOMPLETE set; then `complete` answers from the very parser that would
parse the line, so there is no second description of the commands that could grow old.
"""

import argparse
import os
import sys
from importlib import import_module
from typing import NoReturn

from cli.options.parser import OURS_ALONE, Parser

SHELLS = ("bash", "zsh", "fish")

_HOW = """\
examples:
  bash   eval "$(flux completion bash)"       in ~/.bashrc
  zsh    eval "$(flux completion zsh)"        in ~/.zshrc, after compinit
  fish   flux completion fish | source        in ~/.config/fish/config.fish"""


def main(_command: str, arguments: list[str]) -> int:
    """Run `flux completion SHELL`; the exit status."""
    options = parser("completion").parse_args(arguments)
    from argcomplete.shell_integration import shellcode

    print(shellcode(["flux", "flux-accord"], shell=options.shell))
    return 0


def parser(_command: str) -> Parser:
    """Its parser."""
    parser = Parser(
        "flux completion",
        OURS_ALONE,
        description="Print what a shell has to evaluate to complete the command line of flux.",
        epilog=_HOW,
    )
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help="bash, zsh or fish")
    return parser


def complete(commands: dict[str, tuple[str, str]]) -> NoReturn:
    """Answer the shell and end the process."""
    import argcomplete

    line = os.environ.get("COMP_LINE", "")[: int(os.environ.get("COMP_POINT", "0"))]
    typed = line.split()
    words = typed if line[-1:].isspace() else typed[:-1]  # those that are complete
    first = 2 if words[1:2] == ["accord"] else 1
    command = words[first] if len(words) > first else ""
    if command in commands:
        os.environ["_ARGCOMPLETE"] = str(first + 1)  # the words begin with the command
        whole = import_module(commands[command][0]).parser(command)
    else:
        os.environ["_ARGCOMPLETE"] = str(first)
        whole = argparse.ArgumentParser(prog="flux")
        inner = whole.add_subparsers()
        for name, (_, purpose) in commands.items():
            inner.add_parser(name, help=purpose)
    argcomplete.autocomplete(whole)
    sys.exit(1)  # autocomplete ends the process; unless the shell is not what it said
