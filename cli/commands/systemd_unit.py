# SPDX-License-Identifier: LGPL-3.0-or-later
"""The unit for systemd: `cli/flux-accord.service`, with the path of the program that prints it."""

import os
import shutil
import sys

_UNIT = "flux-accord.service"
_PROGRAM = "@FLUX@"


def unit() -> str:
    """The text of the unit (systemd.service(5))."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(root, _UNIT), encoding="utf-8") as file:
        return file.read().replace(_PROGRAM, _escaped(_program()))


def _program() -> str:
    """The `flux` of this installation: the one that was called, or the one beside this Python."""
    called = shutil.which(sys.argv[0])
    if called is not None and os.path.basename(called) == "flux":
        return os.path.abspath(called)
    return os.path.join(os.path.dirname(os.path.abspath(sys.executable)), "flux")


def _escaped(path: str) -> str:
    """As a word of a command line in a unit (systemd.syntax(7))."""
    special = path.replace("\\", "\\\\").replace("%", "%%").replace("$", "$$")
    return f'"{special}"' if any(letter.isspace() for letter in special) else special
