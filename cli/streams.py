# SPDX-License-Identifier: LGPL-3.0-or-later
"""The standard streams of a command, whatever they are connected to.

Whoever calls a command may have closed a stream, may read nothing of what it prints, or may have
put a full disk behind it.  None of that changes what the command has done, so none of it may change
what the exit status says about a change, and no traceback tells anybody anything.

A terminal is looked at by people: there, control characters and those that turn the direction of
writing are escaped, as values come from whoever wrote the configuration.  Into a pipe everything
goes as it is.
"""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False  # as typing has it, whose import takes as long as that of json
if TYPE_CHECKING:
    from typing import TextIO

BROKEN_PIPE_STATUS = 141
"""What a shell shows of a program that SIGPIPE has ended (128 + 13)."""


def open_standard_streams(escape: bool = True) -> None:
    """Make sure that descriptors 0 to 2 are taken, and that stdout and stderr can be written to.

    Otherwise the next file or socket would be taken for one of them.  A closed stdin stays one that
    cannot be read: nothing is not the same as the end of a file.  `escape`: what a terminal must
    not be shown is escaped there, and a closed stdout stays one that cannot be written to; it is
    not where stdout belongs to a program that is started, which would fail for want of it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            unwritable = escape and descriptor == 1
            how = os.O_RDONLY if unwritable else os.O_WRONLY
            os.open(os.devnull, how)  # takes the lowest number that is free: this one
            if unwritable:
                sys.stdout = _of_descriptor(1)
    sys.stdout = _prepared(sys.stdout, escape)
    sys.stderr = _prepared(sys.stderr, escape)


def _of_descriptor(descriptor: int) -> TextIO:
    return open(descriptor, "w", closefd=False)


def _prepared(stream: TextIO | None, escape: bool) -> TextIO:
    if stream is None:
        return open(os.devnull, "w")
    if escape and isinstance(stream, io.TextIOWrapper) and stream.isatty():
        os.environ["PYTHON_COLORS"] = "0"  # argparse's, since Python 3.14
        return _Terminal(stream)
    if escape and isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="surrogateescape")  # arguments that are no UTF-8, as they were
    return stream


class _Terminal(io.TextIOWrapper):
    """A terminal that is shown nothing that could move its cursor or fake a line."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        encoding = stream.encoding
        super().__init__(stream.detach(), encoding, "backslashreplace", line_buffering=True)

    def write(self, text: str) -> int:
        """Write `text`, escaped."""
        return super().write(escaped(text))

    def draw(self, text: str) -> None:
        """Write our own control characters."""
        super().write(text)
        self.flush()


def show(line: str) -> None:
    """Print a line with colours of ours in it, at once; the rest must be printable already."""
    if isinstance(sys.stdout, _Terminal):
        sys.stdout.draw(f"{line}\n")
    else:
        print(line, flush=True)


def draw(text: str) -> None:
    """Write to a terminal's stderr what may move its cursor; elsewhere nothing is written."""
    if isinstance(sys.stderr, _Terminal):
        try:
            sys.stderr.draw(text)
        except OSError:  # the terminal was closed
            _silence(sys.stderr)


def escaped(text: str) -> str:
    r"""`text` with everything but printable characters, tabs and ends of lines escaped.

    >>> escaped("a\x1b[31m\u202eb\n")
    'a\\u001b[31m\\u202eb\n'
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t" else _escape(character)
        for character in text
    )


def _escape(character: str) -> str:
    """As JSON and TOML write it."""
    number = ord(character)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


# Failures to write


def tell(text: str) -> None:
    """Print the result of a change, which is what it is whether it can be printed or not."""
    try:
        print(text, flush=True)
    except OSError as error:
        give_up_stdout(error)


def give_up_stdout(error: OSError) -> None:
    """Say on stderr why stdout cannot be written to, and write there no more."""
    _silence(sys.stdout)
    if not isinstance(error, BrokenPipeError):  # nobody reads: then that is what was wanted
        complain(f"flux: cannot write the result: {error.strerror}")


def complain(line: str) -> None:
    """A line on stderr; where that is impossible there is nobody to tell."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _silence(sys.stderr)


def finish(status: int, failure: str | None = None) -> int:
    """Write out what is still in line; the exit status, which is another where that fails.

    `failure` is what the command failed with; it is told unless stdout itself is to blame.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        give_up_stdout(error)
        status = BROKEN_PIPE_STATUS if isinstance(error, BrokenPipeError) else status or 1
    else:
        if failure is not None:
            complain(failure)
    try:
        sys.stderr.flush()
    except OSError:
        _silence(sys.stderr)
    return status


def _silence(stream: TextIO) -> None:
    """What is left in the stream's buffer goes nowhere; Python would exit with 120 for it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
