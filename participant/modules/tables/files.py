# SPDX-License-Identifier: LGPL-3.0-or-later
"""Files that a configuration names.

Only regular files of a bearable size are read: a FIFO would block the module for good, a device
would never end.
"""

import os
import stat


def read_file(path: str, largest: int) -> bytes:
    """The content of the file at `path`, at most `largest` bytes.

    Raises ValueError, with a sentence for people, where there is no such file.
    """
    return _read(path, largest, 0)


def read_private_file(path: str, largest: int) -> bytes:
    """The same for a secret; raises ValueError also where group or others can read it."""
    return _read(path, largest, stat.S_IRGRP | stat.S_IROTH)


def _read(path: str, largest: int, forbidden: int) -> bytes:
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ValueError(f"{path} is not a regular file")
            if status.st_mode & forbidden:
                raise ValueError(f"{path} is a secret that group or others can read: chmod go= it")
            if status.st_size > largest:
                raise ValueError(f"{path} is larger than {largest} bytes")
            return file.read(largest)
    except OSError as error:
        shown = path or "the empty path"
        raise ValueError(f"{shown} cannot be read: {error.strerror}") from None


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
