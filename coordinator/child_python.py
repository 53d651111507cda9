# SPDX-License-Identifier: LGPL-3.0-or-later
"""How a Python of ours is started: with this process's search path, and nothing that is not ours.

`python -m` looks into the current directory first, and so does an empty or relative entry of
PYTHONPATH; a `pydantic.py` that somebody left where an administrator happens to stand would run as
the broker's user.  So a child is started isolated (python -I: neither the current directory nor
PYTHONPATH), and is given the directories of its parent's path that pass.
"""

import os
import stat
import sys

OUR_DIRECTORY = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
"""Where this package is; the code that runs already is from there."""

_RUN = (
    "import os, runpy, sys; "
    "_, path, name, *rest = sys.argv; "
    "sys.path[:] = path.split(os.pathsep); "
    "sys.argv[:] = [name, *rest]; "
    "runpy.run_module(name, run_name='__main__', alter_sys=True)"
)


def python_command(module: str) -> list[str]:
    """The words that start `module` in a Python process of its own; its arguments follow."""
    flags = ["-B"] if sys.dont_write_bytecode else []
    return [sys.executable, "-I", *flags, "-c", _RUN, os.pathsep.join(search_path()), module]


def search_path() -> list[str]:
    """The entries of sys.path that a child may have.

    Dropped: relative ones, the current directory, what everybody can write to, what is not there.
    Kept in any case: what belongs to this Python, and the directory that this package is in.
    """
    return [entry for entry in sys.path if _passes(entry)]


def _passes(entry: str) -> bool:
    real = os.path.realpath(entry)
    if not os.path.isabs(entry):
        return False
    if real == OUR_DIRECTORY or _belongs_to_python(real):
        return True
    try:
        here, status = os.stat("."), os.stat(entry)
    except OSError:
        return False
    return not os.path.samestat(here, status) and not status.st_mode & stat.S_IWOTH


def _belongs_to_python(real: str) -> bool:
    prefixes = {os.path.realpath(prefix) for prefix in (sys.prefix, sys.base_prefix)}
    return any(real.startswith(prefix + os.sep) for prefix in prefixes - {os.sep})
