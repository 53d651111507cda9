# SPDX-License-Identifier: LGPL-3.0-or-later
"""The commands: thin, and quick to start, since scripts call them in loops."""

import os
import sys

VERSION = "0.1.0"
"""Of the distribution, too: pyproject.toml takes it from here."""


def _without_the_current_directory(path: list[str]) -> list[str]:
    """The search path less what depends on where somebody stands: anybody may have put files there.

    That is the current directory, by `python -m cli.main`, and relative or empty entries of
    PYTHONPATH.  The development tree that this very file is from stays.
    """
    ours = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    try:
        dropped = {
            "",
            os.getcwd(),
            *(os.path.abspath(entry) for entry in named if entry[:1] != os.sep),
        }
    except OSError:  # the current directory has been removed, and nothing can be in it
        dropped = {""}
    return [entry for entry in path if entry not in dropped or os.path.realpath(entry) == ours]


sys.path[:] = _without_the_current_directory(sys.path)
