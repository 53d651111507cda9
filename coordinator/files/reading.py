# SPDX-License-Identifier: LGPL-3.0-or-later
"""The configuration files: how they are found and read.

The rules are those of Flux (flux-config(5); what it does with several files was measured on
flux-core 0.88).  Nothing that somebody puts in the place of a file may stop the coordinator: no
FIFO that blocks, no device that never ends.
"""

import errno
import os
import stat
from collections.abc import Container, Iterable
from contextlib import suppress
from typing import Literal, NamedTuple

from protocol import limits
from protocol.reason_code import ReasonCode
from protocol.reasons import Origin, Reason, bounded

_READINGS = 4  # the first and three more


class Source(NamedTuple):
    """One configuration text: where it comes from, its bytes, the language it is written in."""

    name: str
    text: bytes
    format: Literal["toml", "json"]


class Unreadable(Exception):
    """Files that are no configuration; `reasons` says for each what is wrong and where."""

    def __init__(self, reasons: Iterable[Reason]) -> None:
        self.reasons: tuple[Reason, ...] = bounded(reasons)
        super().__init__("\n".join(str(reason) for reason in self.reasons))


def read_sources(path: str, without: Container[str] = ()) -> tuple[Source, ...]:
    """The texts behind `path`: a file of any name, or the `*.toml` directly in a directory.

    Of a directory, hidden files and other suffixes are left out; the order is that of the bytes of
    the names.  A single file is JSON if its name ends in .json.  At most SOURCE_FILES files and
    SOURCE_BYTES bytes.  Files `without` are taken for absent.  Raises Unreadable, with a reason for
    every file that cannot be read.
    """
    texts: list[Source] = []
    reasons: list[Reason] = []
    room = limits.SOURCE_BYTES
    for name in _files_at(path):
        if name in without:
            continue
        try:
            text = _read(name, room)
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            reasons.append(_unread(name, _cause(error)))
            continue
        room -= len(text)
        texts.append(Source(name, text, "json" if name.endswith(".json") else "toml"))
    if reasons:
        raise Unreadable(reasons)
    return tuple(texts)


def _files_at(path: str) -> list[str]:
    try:
        if not stat.S_ISDIR(os.stat(path).st_mode):
            return [path]
        names = [name for name in os.listdir(path) if name.endswith(".toml") and name[0] != "."]
    except (OSError, ValueError) as error:
        raise Unreadable([_unread(path, _cause(error))]) from None
    if len(names) > limits.SOURCE_FILES:
        many = f"holds more than {limits.SOURCE_FILES} files"
        raise Unreadable([_unread(path, many, ReasonCode.TOO_LARGE)])
    return [os.path.join(path, name) for name in sorted(names, key=os.fsencode)]


def _read(path: str, room: int) -> bytes:
    """The bytes of the file, as they were at one moment.  Raises OSError."""
    for _ in range(_READINGS):
        # O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                what = "a directory" if stat.S_ISDIR(before.st_mode) else "not a regular file"
                raise OSError(f"is {what}")
            text = _drain(descriptor, room)
        finally:
            os.close(descriptor)
        # By name, to see also a file that was put in this one's place meanwhile
        with suppress(FileNotFoundError):
            if _version(os.stat(path)) == _version(before):
                return text
    raise OSError("changes while it is read; try again when it is complete")


def _drain(descriptor: int, room: int) -> bytes:
    blocks: list[bytes] = []
    while block := os.read(descriptor, min(room, 1 << 20) + 1):
        blocks.append(block)
        room -= len(block)
        if room < 0:
            raise OSError(f"does not fit: all files together take at most {limits.SOURCE_BYTES} B")
    return b"".join(blocks)


def _version(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _cause(error: OSError | ValueError) -> str:
    if isinstance(error, ValueError):
        return "cannot be read: no file can have this name"
    if error.errno == errno.ENXIO:  # how the system says it of a socket
        return "is not a regular file"
    return f"cannot be read: {error.strerror}" if error.strerror else str(error)


def file_too_long(name: str) -> Reason:
    """A reason about a path whose texts are too long together."""
    long = f"holds more than {limits.SOURCE_BYTES} bytes of text"
    return _unread(name, long, ReasonCode.TOO_LARGE)


def file_reason(
    name: str, message: str, line: int | None = None, column: int | None = None
) -> Reason:
    """A reason about what stands in the text called `name`."""
    origin = Origin(name, line, column)
    return Reason("config", message, origin=origin, code=ReasonCode.SYNTAX)


def _unread(name: str, message: str, code: ReasonCode = ReasonCode.UNREADABLE) -> Reason:
    """A reason about a file that has given no text."""
    return Reason("config", message, origin=Origin(name), code=code)
