# SPDX-License-Identifier: LGPL-3.0-or-later
"""The texts that `validate` judges: those at a path, as they will be when files are put there.

A configuration manager writes a new text beside the old one and asks whether it may be put in its
place.  Alone it says little: what is refused is mostly the file together with the others.
"""

import os
from collections.abc import Iterable
from typing import NamedTuple

from cli.client import Trouble
from cli.commands.config.files import from_stdin
from coordinator.files.reading import Source, Unreadable, file_too_long, read_sources
from protocol import limits

STDIN = "-"
"""In the place of a path: what comes on stdin."""


class Placed(NamedTuple):
    """A text that is put into the directory, in the place of one of that name, if there is one."""

    path: str
    name: str


def placed(typed: str) -> Placed:
    """What `--with FILE[=AS]` says.  Raises Trouble where it makes no sense."""
    path, equals, name = typed.rpartition("=")
    if not equals:
        path, name = typed, os.path.basename(typed)
    if not name.endswith(".toml") or name.startswith(".") or "/" in name:
        raise Trouble(
            f"--with {typed}: {name or typed!r} would not be read as part of a directory; write "
            "--with FILE=NAME.toml"
        )
    return Placed(path, name)


def candidate(path: str, given: Iterable[Placed]) -> tuple[Source, ...]:
    """The texts at `path`, with those that are `given` put in.  Raises Trouble, and Unreadable."""
    if path == STDIN:
        text = from_stdin()
        if given:
            raise Trouble("--with puts files into a directory; PATH is stdin")
        return (Source(text["name"], text["text"].encode(errors="surrogateescape"),
                       "json" if text["format"] == "json" else "toml"),)  # fmt: skip
    whole = os.path.abspath(path) if path else path
    files = {os.path.join(whole, file.name): file for file in given}
    if files and not os.path.isdir(whole):
        raise Trouble(f"--with puts files into a directory; {path} is none", "unreadable")
    sources = [
        *read_sources(whole, without=files.keys()),
        *(_read(file, name) for name, file in files.items()),
    ]
    if files:
        sources.sort(key=lambda source: os.fsencode(source.name))
    if sum(len(source.text) for source in sources) > limits.SOURCE_BYTES:
        raise Unreadable([file_too_long(whole)])
    return tuple(sources)


def _read(file: Placed, name: str) -> Source:
    """The text of a file under the name that it will have."""
    if file.path == STDIN:
        return Source(name, from_stdin()["text"].encode(errors="surrogateescape"), "toml")
    if os.path.isdir(file.path):
        raise Trouble(f"--with {file.path}: is a directory", "unreadable")
    (source,) = read_sources(os.path.abspath(file.path))
    return Source(name, source.text, "toml")
