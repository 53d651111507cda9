# SPDX-License-Identifier: LGPL-3.0-or-later
"""A file that is written whole or not at all: who reads it never sees half of it."""

import os
import stat
import sys
import tempfile

from cli.client import Trouble


def write(path: str, text: str) -> None:
    """Put `text` into the file `path`, in UTF-8; `-` is stdout.

    It is written beside the file and takes its place (rename(2)), through symbolic links; what is
    no regular file is written to.  Raises Trouble; the file is as it was then.
    """
    if path == "-":
        sys.stdout.write(text)
        return
    try:
        _replace(os.path.realpath(path), text.encode())
    except OSError as error:
        why = error.strerror or str(error)
        raise Trouble(f"{path} was not written, and is as it was: {why}") from error


def _replace(path: str, data: bytes) -> None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        mode = 0o666 & ~_umask()
    else:
        if not stat.S_ISREG(found.st_mode):
            with open(path, "wb") as device:
                device.write(data)
            return
        mode = stat.S_IMODE(found.st_mode)
    directory, name = os.path.split(path)
    handle, beside = tempfile.mkstemp(prefix=f".{name[:100]}.", dir=directory)
    try:
        with open(handle, "wb") as file:
            file.write(data)
            os.fchmod(handle, mode)
            file.flush()
            os.fsync(handle)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
