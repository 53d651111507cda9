# SPDX-License-Identifier: LGPL-3.0-or-later
"""Messages to bytes and back, trusting nothing that comes back.

A frame is a msgpack array: protocol version, tag, fields in the order of the message's class.
`decode` never raises: whatever the bytes, the answer is a message or a `Malformed` that says what
was wrong, because an exception out of a decoder ends the loop that called it.
"""

from typing import Any, NamedTuple

import msgpack

from protocol import limits, messages
from protocol.configuration import digest_of
from protocol.field_shapes import (
    ARGUMENTS,
    ARGUMENTS_OR_NONE,
    BYTES,
    COUNT,
    DIGEST,
    LEDGER,
    NAME,
    NAME_OR_NONE,
    QUESTION,
    REASONS,
    SECONDS,
    TRUTH,
    BadField,
    Shape,
    check_fields,
    text,
)
from protocol.messages import FromCoordinator, FromParticipant, Message
from protocol.reasons import Reason


class Malformed(NamedTuple):
    """Bytes that are no message; `why` is for the log."""

    why: str


def encode(message: Message) -> bytes:
    """The frame of `message`."""
    parts = (limits.PROTOCOL_VERSION, _TAGS[type(message)], *message)
    frame: bytes = msgpack.packb(parts, use_bin_type=True, default=_reason_fields)
    return frame


class Encoder:
    """Encodes for one thread, and keeps what it takes: making that costs more than a short frame.

    Not for messages with a configuration in them: as much memory would be kept, too.
    """

    def __init__(self) -> None:
        self._pack = msgpack.Packer(use_bin_type=True, default=_reason_fields).pack

    def encode(self, message: FromParticipant) -> bytes:
        """The frame of `message`."""
        frame: bytes = self._pack((limits.PROTOCOL_VERSION, _TAGS[type(message)], *message))
        return frame


def decode_from_participant(frame: bytes) -> FromParticipant | Malformed:
    """A participant's message, or why the frame is none."""
    found: FromParticipant | Malformed = _decode(
        frame, _FROM_PARTICIPANT, limits.PARTICIPANT_FRAME_BYTES
    )
    return found


def decode_from_coordinator(frame: bytes | memoryview) -> FromCoordinator | Malformed:
    """A coordinator's message, or why the frame is none.  It is read in place."""
    found: FromCoordinator | Malformed = _decode(frame, _FROM_COORDINATOR, limits.FRAME_BYTES)
    return found


def _decode(frame: bytes | memoryview, allowed: range, largest: int) -> Any:
    if len(frame) > largest:
        return Malformed(f"frame of {len(frame)} bytes; at most {largest} are allowed")
    try:
        parts = msgpack.unpackb(frame, raw=False, use_list=True, max_map_len=0)
    except Exception as error:  # msgpack raises a dozen kinds for bytes it cannot read
        return Malformed(f"not msgpack: {type(error).__name__}")
    if type(parts) is not list or len(parts) < 2:
        return Malformed("not an array of version, tag and fields")
    version, tag, *fields = parts
    if type(version) is not int or version != limits.PROTOCOL_VERSION:
        return Malformed(f"protocol version {version!r:.20}, not {limits.PROTOCOL_VERSION}")
    if type(tag) is not int or tag not in allowed:
        return Malformed(f"unexpected tag {tag!r:.20}")
    build, shapes = _SHAPES[tag]
    if len(fields) != len(shapes):
        return Malformed(f"{build.__name__} with {len(fields)} fields, not {len(shapes)}")
    values: list[Any] = []
    try:
        check_fields(shapes, fields, values)
    except BadField as wrong:
        return Malformed(f"{build.__name__}.{build._fields[len(values)]}: {wrong}")
    message: Message = build._make(values)  # one function for all classes
    if isinstance(message, messages.Prepare) and digest_of(message.candidate) != message.digest:
        return Malformed("Prepare.digest: not that of the candidate")
    if isinstance(message, messages.Admit) and digest_of(message.configuration) != message.digest:
        return Malformed("Admit.digest: not that of the configuration")
    return message


def _reason_fields(value: Any) -> Any:
    # A participant knows of a value that it did not come from a file; lines of files are the
    # coordinator's to say, so they do not travel.
    if isinstance(value, Reason):
        source = value.origin.source[: limits.SOURCE_LENGTH] if value.origin else None
        return [value.module, value.message, value.key, source, value.code]
    raise TypeError(f"{type(value).__name__} cannot be sent")


_REPORT = text(limits.REPORT_LENGTH)
_WHY = text(limits.REASONS_BYTES)
_SHAPES: tuple[tuple[type[Any], tuple[Shape, ...]], ...] = (
    (messages.Join, (LEDGER, COUNT, NAME, NAME, COUNT, COUNT, DIGEST, NAME_OR_NONE, COUNT, NAME,
                     text(limits.DESCRIPTION_BYTES))),
    (messages.Vote, (COUNT, NAME, NAME, TRUTH, REASONS, REASONS)),
    (messages.Applied, (COUNT, NAME, COUNT, DIGEST, TRUTH, REASONS, _REPORT, REASONS)),
    (messages.Leave, (COUNT, NAME, NAME, REASONS)),
    (messages.Report, (COUNT, NAME, COUNT, _REPORT)),
    (messages.Admit, (LEDGER, COUNT, NAME, COUNT, DIGEST, BYTES, ARGUMENTS)),
    (messages.Refuse, (LEDGER, COUNT, _WHY)),
    (messages.Prepare, (LEDGER, COUNT, NAME, COUNT, DIGEST, BYTES, SECONDS, TRUTH,
                        ARGUMENTS_OR_NONE)),
    (messages.Commit, (LEDGER, COUNT, NAME, COUNT)),
    (messages.Abort, (LEDGER, COUNT, NAME)),
    (messages.Shutdown, (LEDGER, COUNT, NAME, _WHY)),
    (messages.Inquire, (LEDGER, COUNT, COUNT, QUESTION)),
)  # fmt: skip
_TAGS = {build: tag for tag, (build, _) in enumerate(_SHAPES)}
_FROM_PARTICIPANT, _FROM_COORDINATOR = range(5), range(5, len(_SHAPES))
