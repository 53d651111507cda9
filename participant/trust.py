# SPDX-License-Identifier: LGPL-3.0-or-later
"""Whether somebody else could have written a file that is about to be run as us.

The rule is in ownership/.  Who owns a module's file is trusted, since its name was given, and
software often belongs to a user of its own; of a program that a configuration names the owner
counts, too.
Nothing is loaded from a sticky directory: anybody can add a file there.
"""

import os

from ownership.rule import Stranger, stranger
from ownership.way import stranger_on_the_way, stranger_to_file


class Untrusted(Exception):
    """Others can change what would be run; the text says what, and what to do."""


def check_directory(directory: str) -> None:
    """Raise Untrusted where others can add a file to `directory`, or replace it."""
    directory = os.path.realpath(directory)
    status = os.stat(directory)
    _refuse(stranger(directory, status, status.st_uid))
    compiled = os.path.join(directory, "__pycache__")  # Python runs what it finds there
    if os.path.isdir(compiled):
        _refuse(stranger(compiled, os.stat(compiled), status.st_uid))
    _refuse(stranger_on_the_way(directory, status.st_uid))


def check_file(path: str) -> None:
    """Raise Untrusted where others than its owner can write to `path`, or replace it, or add to it.

    Raises OSError where there is nothing to look at.
    """
    _refuse(stranger_to_file(path, os.stat(path).st_uid))
    check_directory(os.path.dirname(os.path.realpath(path)))


def check_program(path: str) -> None:
    """Raise Untrusted as `check_file` does, and where not all of it is root's or this user's."""
    _refuse(stranger_to_file(path))


def _refuse(found: Stranger | None) -> None:
    if found is not None:
        raise Untrusted(
            f"{found.told}: no code is run from there; {found.remedy}, "
            "or keep it in a directory of its own"
        )
