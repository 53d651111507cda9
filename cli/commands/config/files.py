# SPDX-License-Identifier: LGPL-3.0-or-later
"""Configuration files as clients read them: to show them, to judge them, or to send them on."""

import os
import sys
from typing import TYPE_CHECKING

from cli.client import Trouble, complain
from protocol import limits

if TYPE_CHECKING:
    from coordinator.files.reading import Source
    from protocol.configuration import Configuration
    from protocol.reasons import Reason


def sources_at(path: str) -> "tuple[Source, ...]":
    """The texts behind a path.  Raises Trouble, a line for every file that cannot be read."""
    from coordinator.files.reading import Unreadable, read_sources

    try:
        return read_sources(os.path.abspath(path) if path else path)
    except Unreadable as error:
        raise unreadable(error.reasons) from None


def unreadable(reasons: "tuple[Reason, ...]") -> Trouble:
    """What is said of texts that are no configuration: a line for every reason."""
    lines = "\n".join(str(reason) for reason in reasons)
    return Trouble(lines, str(reasons[0].code), [reason.as_json() for reason in reasons])


NO_FILES = "the directory holds no *.toml file; that is the empty configuration"
"""Said of a directory that was given: most likely another was meant."""


def configuration_at(path: str) -> "Configuration":
    """The configuration behind a path.  Raises Trouble, a line for every fault."""
    from coordinator.files.parsing import merge
    from coordinator.files.reading import Unreadable

    try:
        return merge(sources_at(path))
    except Unreadable as error:
        raise unreadable(error.reasons) from None


def to_send(path: str | None, strict: bool) -> list[dict[str, str]]:
    """The texts behind a path, or on stdin where there is none, as the broker takes them.

    Warns of a directory without a text; raises Trouble for one if it is `strict`.
    """
    if path is None:
        return [from_stdin()]
    sources = sources_at(path)
    if not sources:
        if strict:
            raise Trouble(f"{path}: {NO_FILES}", "not-found")
        complain("config", f"warning: {path}: {NO_FILES}")
    return [
        {
            "name": source.name,
            "format": source.format,
            "text": source.text.decode(errors="surrogateescape"),
        }
        for source in sources
    ]


def one_to_send(path: str) -> dict[str, str]:
    """The text of one file, or on stdin where the path is -.  Raises Trouble."""
    if path == "-":
        return from_stdin()
    if os.path.isdir(path):
        raise Trouble(f"{path}: it is a directory; give a file", "unreadable")
    (only,) = to_send(path, strict=False)
    return only


def from_stdin() -> dict[str, str]:
    """What comes on stdin: a JSON object, or else TOML.  Raises Trouble."""
    if sys.stdin is None:  # nothing is the empty configuration; no stdin is none at all
        raise Trouble("<stdin>: it is closed; give a PATH, or </dev/null for nothing", "unreadable")
    try:
        text = sys.stdin.buffer.read(limits.SOURCE_BYTES + 1)
    except OSError as error:
        raise Trouble(f"<stdin>: {error.strerror}", "unreadable") from None
    if len(text) > limits.SOURCE_BYTES:
        raise Trouble(f"<stdin>: more than {limits.SOURCE_BYTES} bytes are not read", "too-large")
    form = "json" if text.lstrip()[:1] == b"{" else "toml"  # no TOML begins with a brace
    return {"name": "<stdin>", "format": form, "text": text.decode(errors="surrogateescape")}
