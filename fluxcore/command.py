# SPDX-License-Identifier: LGPL-3.0-or-later
"""Where flux-core's command is: it has the name of ours, and both may be on PATH.

One rule for all who ask: FLUX_CORE names it, or else it is the first `flux` on PATH after ours that
is not ours.  Nothing is run to find out.  `flux` itself imports this, so it imports little.
"""

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False  # as typing has it, whose import takes as long as that of json
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FLUX_CORE = "FLUX_CORE"
"""The environment variable with the path of flux-core's `flux`."""

_MARK = b"cli.main"
"""In the script of every `flux` of this distribution, wherever it is installed."""
_SCRIPT_BYTES = 4096


def named_or_found() -> str | None:
    """The path in FLUX_CORE, whatever is there; or else the real `flux` on PATH."""
    return os.environ.get(FLUX_CORE) or find()


def find() -> str | None:
    """The real `flux`: the first on PATH after this one that is not ours.

    Where there is none after it, or this one is not on PATH, the first binary on PATH will do: a
    script that somebody put before ours may be there to call it.
    """
    ours = set(_inodes((os.path.realpath(sys.argv[0]), *_siblings())))
    before: list[str] = []
    after: list[str] = []
    for directory in os.get_exec_path():
        path = os.path.join(directory, "flux")
        try:
            status = os.stat(path)
        except OSError:
            continue
        if (status.st_dev, status.st_ino) in ours:
            before, after = [*before, *after], []
        elif stat.S_ISREG(status.st_mode) and os.access(path, os.X_OK) and not _is_ours(path):
            after.append(path)
    return next(iter([*after, *(path for path in before if not _is_script(path))]), None)


def _siblings() -> tuple[str, ...]:
    """The scripts beside this Python, through which PATH leads to us."""
    here = os.path.dirname(sys.executable or "")
    return tuple(os.path.join(here, name) for name in ("flux", "flux-accord"))


def _inodes(paths: Iterable[str]) -> Iterator[tuple[int, int]]:
    for path in paths:
        try:
            status = os.stat(path)
        except OSError:
            continue
        yield status.st_dev, status.st_ino


def _is_ours(path: str) -> bool:
    """Whether a script leads to a `flux` of this distribution, by its text: to hand over to that
    would go round in a circle, for ever.
    """
    text = _beginning(path)
    names = (_MARK, *(os.fsencode(name) for name in _siblings()), os.fsencode(sys.argv[0]))
    return text.startswith(b"#!") and any(name in text for name in names)


def _is_script(path: str) -> bool:
    return _beginning(path).startswith(b"#!")


def _beginning(path: str) -> bytes:
    """Of a file that cannot be looked at, that of a script that is ours: it is left alone."""
    try:
        with open(path, "rb") as file:
            return file.read(_SCRIPT_BYTES)
    except OSError:
        return b"#!" + _MARK
