# SPDX-License-Identifier: LGPL-3.0-or-later
"""Merging long texts in a process of its own, so that readers are answered meanwhile.

A thread would not do: the parser is compiled and keeps Python's lock for as long as it runs, which
for a file of 5 MB is seconds in which the broker's loop stands still.  The memory that parsing
takes goes back with the process, too.
"""

import subprocess
import sys
from typing import Any

import msgpack

from coordinator.child_python import python_command
from coordinator.files.parsing import merge, read_patch
from coordinator.files.reading import Source, Unreadable
from protocol import limits
from protocol.configuration import Configuration
from protocol.reason_code import ReasonCode
from protocol.reasons import Origin, Reason

_LONGEST_SECONDS = 300.0


def merge_beside(sources: tuple[Source, ...]) -> Configuration:
    """As `coordinator.files.parsing.merge`.  To be called in a thread beside the loop.

    Raises Unreadable, also where merging takes longer than five minutes.
    """
    if sum(len(source.text) for source in sources) <= limits.MERGE_IN_THREAD_BYTES:
        return merge(sources)
    return Configuration(_beside(sources, as_patch=False))


def read_patch_beside(sources: tuple[Source, ...]) -> bytes:
    """As `coordinator.files.parsing.read_patch`, of the one source, in the same way."""
    if len(sources[0].text) <= limits.MERGE_IN_THREAD_BYTES:
        return read_patch(sources[0])
    return _beside(sources, as_patch=True)


def _beside(sources: tuple[Source, ...], as_patch: bool) -> bytes:
    fields = [[source.name, source.text, source.format] for source in sources]
    request: bytes = msgpack.packb([as_patch, fields], unicode_errors="surrogateescape")
    try:
        done = subprocess.run(
            python_command("coordinator.files.merge_process"),
            input=request,
            stdout=subprocess.PIPE,
            timeout=_LONGEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        why = f"could not be merged within {_LONGEST_SECONDS:g} s"
        raise Unreadable([Reason("config", why, code=ReasonCode.TIMEOUT)]) from None
    try:  # not by its exit status: whoever reaps orphans may have been faster
        answer: Any = msgpack.unpackb(done.stdout, unicode_errors="surrogateescape")
    except ValueError:
        why = "could not be merged: the process that tried ended without an answer"
        raise Unreadable([Reason("config", why, code=ReasonCode.UNREADABLE)]) from None
    if isinstance(answer, bytes):
        return answer
    raise Unreadable([_reason(*fields) for fields in answer])


def _reason(
    module: str, message: str, key: list[str | int], place: list[Any] | None, code: str
) -> Reason:
    origin = Origin(*place) if place else None
    return Reason(module, message, tuple(key), origin, ReasonCode(code))


def _fields(reason: Reason) -> list[Any]:
    place = reason.origin
    return [
        reason.module,
        reason.message,
        list(reason.key),
        [place.source, place.line, place.column] if place else None,
        str(reason.code),
    ]


def _main() -> int:
    request = msgpack.unpackb(sys.stdin.buffer.read(), unicode_errors="surrogateescape")
    as_patch, texts = request
    sources = [Source(*fields) for fields in texts]
    answer: Any
    try:
        answer = read_patch(sources[0]) if as_patch else merge(sources).encoded
    except Unreadable as unreadable:
        answer = [_fields(reason) for reason in unreadable.reasons]
    sys.stdout.buffer.write(msgpack.packb(answer, unicode_errors="surrogateescape"))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
