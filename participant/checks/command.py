# SPDX-License-Identifier: LGPL-3.0-or-later
"""Which program a check's command is, and in what surroundings it runs.

It is run as the broker's user, so it is looked for where only administrators can put anything:
neither PATH nor the directory of whoever started the broker has a say, and no shell reads it.
"""

import os
import shlex
import stat
from typing import Final

from participant.trust import Untrusted, check_program
from protocol.formats.quoted import quoted

SEARCHED: Final = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Where a command without a slash is looked for, in this order; also its PATH."""


def words_of(value: object) -> tuple[str, ...]:
    """The words of a command: an array of strings, or one string as a shell splits it.

    Nothing of a shell but its quotes means anything in it (shlex.split).  Raises ValueError.
    """
    if isinstance(value, str):
        try:
            words: list[object] = list(shlex.split(value))
        except ValueError as error:
            raise ValueError(f"{quoted(value)} cannot be split into words: {error}") from None
    elif isinstance(value, list | tuple):
        words = list(value)
    else:
        raise ValueError("must be an array of strings, or a string")
    texts = tuple(word for word in words if isinstance(word, str))
    if len(texts) != len(words):
        raise ValueError("must be an array of strings, or a string")
    if not texts or not texts[0]:
        raise ValueError("must name a program")
    if any("\0" in text for text in texts):
        raise ValueError("must not contain NUL")
    if "/" in texts[0] and not texts[0].startswith("/"):
        raise ValueError(f"{quoted(texts[0])}: must be an absolute path, or a name without a slash")
    return texts


def find_program(word: str) -> str:
    """The file that the first word of a command is.  Raises LookupError, which says why not."""
    if word.startswith("/"):
        return _usable(word)
    for directory in SEARCHED:
        path = os.path.join(directory, word)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return _usable(path)
    raise LookupError(f"{word}: no such program in {':'.join(SEARCHED)}")


def _usable(path: str) -> str:
    try:
        mode = os.stat(path).st_mode
        check_program(path)
    except OSError as error:
        raise LookupError(f"{path}: {error.strerror}") from None
    except Untrusted as untrusted:
        raise LookupError(f"not run: {untrusted}") from None
    if not stat.S_ISREG(mode) or not os.access(path, os.X_OK):
        raise LookupError(f"{path}: is no program that this user may run")
    return path


def environment(check: str) -> dict[str, str]:
    """All that a check finds in its environment."""
    return {"PATH": ":".join(SEARCHED), "LANG": "C.UTF-8", "FLUX_ACCORD_CHECK": check}
