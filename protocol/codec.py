"""Messages to bytes and back, trusting nothing that comes back.

A frame is a msgpack array: protocol version, tag, fields in the order of the message's class.
`decode` never raises: whatever the bytes, the answer is a message or a `Malformed` that says what
was wrong, because an exception out of a decoder ends the loop that called it.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgpack

from protocol import limits, messages
from protocol.configuration import digest_of
from protocol.messages import Argument, Arguments, FromCoordinator, FromParticipant, Message
from protocol.reasons import Origin, Reason

Check: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Malformed:
    """Bytes that are no message; `why` is for the log."""

    why: str


class _Wrong(Exception):
    pass


def encode(message: Message) -> bytes:
    """The frame of `message`."""
    tag = _TAGS[type(message)]
    fields = [getattr(message, name) for name in _FIELDS[tag]]
    frame: bytes = msgpack.packb(
        [limits.PROTOCOL_VERSION, tag, *fields], use_bin_type=True, default=_reason_fields
    )
    return frame


def decode_from_participant(frame: bytes) -> FromParticipant | Malformed:
    """A participant's message, or why the frame is none."""
    found: FromParticipant | Malformed = _decode(
        frame, _FROM_PARTICIPANT, limits.PARTICIPANT_FRAME_BYTES
    )
    return found


def decode_from_coordinator(frame: bytes) -> FromCoordinator | Malformed:
    """A coordinator's message, or why the frame is none."""
    found: FromCoordinator | Malformed = _decode(frame, _FROM_COORDINATOR, limits.FRAME_BYTES)
    return found


def _decode(frame: bytes, allowed: range, largest: int) -> Any:
    if len(frame) > largest:
        return Malformed(f"frame of {len(frame)} bytes; at most {largest} are allowed")
    try:
        parts = msgpack.unpackb(frame, raw=False, use_list=True, max_map_len=0)
    except Exception as error:  # msgpack raises a dozen kinds for bytes it cannot read
        return Malformed(f"not msgpack: {type(error).__name__}")
    if not isinstance(parts, list) or len(parts) < 2:
        return Malformed("not an array of version, tag and fields")
    version, tag, fields = parts[0], parts[1], parts[2:]
    if type(version) is not int or version != limits.PROTOCOL_VERSION:
        return Malformed(f"protocol version {version!r:.20}, not {limits.PROTOCOL_VERSION}")
    if type(tag) is not int or tag not in allowed:
        return Malformed(f"unexpected tag {tag!r:.20}")
    return _build(tag, fields)


def _build(tag: int, fields: Sequence[Any]) -> Message | Malformed:
    names, checks, build = _FIELDS[tag], _CHECKS[tag], _CLASSES[tag]
    title = build.__name__
    if len(fields) != len(names):
        return Malformed(f"{title} with {len(fields)} fields, not {len(names)}")
    values = []
    for name, check, field in zip(names, checks, fields, strict=True):
        try:
            values.append(check(field))
        except _Wrong as wrong:
            return Malformed(f"{title}.{name}: {wrong}")
    message: Message = build(*values)
    if isinstance(message, messages.Prepare) and digest_of(message.candidate) != message.digest:
        return Malformed("Prepare.digest: not that of the candidate")
    if isinstance(message, messages.Admit) and digest_of(message.configuration) != message.digest:
        return Malformed("Admit.digest: not that of the configuration")
    return message


# The shape of each kind of field


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise _Wrong("not a count")
    return value


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise _Wrong("not a boolean")
    return value


def _seconds(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or value < 0:
        raise _Wrong("not a number of seconds")
    return float(value)


def _text(most: int) -> Check:
    def check(value: Any) -> str:
        if type(value) is not str:
            raise _Wrong("not a string")
        if len(value) > most:
            raise _Wrong(f"longer than {most} characters")
        return value

    return check


def _name(value: Any) -> str:
    name: str = _text(limits.NAME_LENGTH)(value)
    if not name or not name.isprintable():
        raise _Wrong("not a printable name")
    return name


def _name_or_none(value: Any) -> str | None:
    return None if value is None else _name(value)


def _digest(value: Any) -> str:
    digest: str = _text(64)(value)
    if digest and (len(digest) != 64 or digest.strip("0123456789abcdef")):
        raise _Wrong("not a digest")
    return digest


def _bytes(value: Any) -> bytes:
    if type(value) is not bytes or len(value) > limits.CONFIGURATION_BYTES:
        raise _Wrong("not an encoded configuration")
    return value


def _arguments(value: Any) -> Arguments:
    if type(value) is not list or len(value) > limits.ARGUMENTS:
        raise _Wrong("not a list of arguments")
    text, length = _text(limits.ARGUMENTS_LENGTH), 0
    found = []
    for one in value:
        if type(one) is not list or len(one) != 3:
            raise _Wrong("an argument is not origin, key and value")
        found.append(Argument(_SOURCE(one[0]), text(one[1]), text(one[2])))
        length += len(one[1]) + len(one[2])
        if length > limits.ARGUMENTS_LENGTH:
            raise _Wrong("too much text")
    return tuple(found)


def _arguments_or_none(value: Any) -> Arguments | None:
    return None if value is None else _arguments(value)


def _reasons(value: Any) -> tuple[Reason, ...]:
    if type(value) is not list or len(value) > limits.REASONS_COUNT:
        raise _Wrong("not a list of reasons")
    total, reasons = 0, []
    for item in value:
        reason = _reason(item)
        total += len(reason.message)
        if total > limits.REASONS_BYTES + limits.REASON_BYTES:
            raise _Wrong("too much text")
        reasons.append(reason)
    return tuple(reasons)


def _reason(item: Any) -> Reason:
    if type(item) is not list or len(item) != 4:
        raise _Wrong("a reason is not module, message, key and source")
    module, message, key, source = item
    if type(key) is not list or len(key) > limits.CONFIGURATION_DEPTH:
        raise _Wrong("a reason's key is not a path")
    for step in key:
        if not (type(step) is int and step >= 0) and type(step) is not str:
            raise _Wrong("a step of a reason's key is neither text nor index")
    origin = None if source is None else Origin(_SOURCE(source))
    return Reason(_name(module), _text(2 * limits.REASON_BYTES)(message), tuple(key), origin)


def _reason_fields(value: Any) -> Any:
    # A participant knows of a value that it did not come from a file; lines of files are the
    # coordinator's to say, so they do not travel.
    if isinstance(value, Reason):
        source = value.origin.source[: limits.SOURCE_LENGTH] if value.origin else None
        return [value.module, value.message, value.key, source]
    raise TypeError(f"{type(value).__name__} cannot be sent")


_SOURCE = _text(limits.SOURCE_LENGTH)
_SHAPES: tuple[tuple[type[Any], tuple[Check, ...]], ...] = (
    (messages.Join, (_count, _name, _name, _count, _count, _digest, _name_or_none, _count,
                     _text(limits.DESCRIPTION_BYTES))),
    (messages.Vote, (_count, _name, _name, _truth, _reasons)),
    (messages.Applied, (_count, _name, _count, _digest, _truth, _reasons,
                        _text(limits.REPORT_LENGTH))),
    (messages.Leave, (_count, _name, _name, _reasons)),
    (messages.Report, (_count, _name, _count, _text(limits.REPORT_LENGTH))),
    (messages.Admit, (_count, _count, _digest, _bytes, _arguments)),
    (messages.Refuse, (_count, _text(limits.REASONS_BYTES))),
    (messages.Prepare, (_count, _name, _count, _digest, _bytes, _seconds, _truth,
                        _arguments_or_none)),
    (messages.Commit, (_count, _name, _count)),
    (messages.Abort, (_count, _name)),
    (messages.Shutdown, (_count, _text(limits.REASONS_BYTES))),
    (messages.Inquire, (_count, _count)),
)  # fmt: skip
_CLASSES = [build for build, _ in _SHAPES]
_CHECKS = [checks for _, checks in _SHAPES]
_FIELDS = [tuple(f.name for f in dataclasses.fields(build)) for build in _CLASSES]
_TAGS = {build: tag for tag, build in enumerate(_CLASSES)}
_FROM_PARTICIPANT, _FROM_COORDINATOR = range(5), range(5, len(_SHAPES))
