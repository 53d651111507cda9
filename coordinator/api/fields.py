# SPDX-License-Identifier: LGPL-3.0-or-later
"""Fields of a request, checked; whatever a client sends, the answer is a value or BadRequest."""

from typing import Any, NamedTuple

from coordinator.core.requests import ChangeRequest, Proposal, Who
from coordinator.files.reading import Source, Unreadable
from protocol import limits
from protocol.keys import Path, format_key, parse_key
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason

Fields = dict[str, Any]
"""A JSON object as it comes from a client, or goes to one: docs/socket.md, docs/json.md."""


class BadRequest(Exception):
    """The request cannot be served; the text says why."""

    def __init__(self, why: str, code: ReasonCode = ReasonCode.BAD_REQUEST) -> None:
        super().__init__(why)
        self.code = code


def failure(why: str, code: ReasonCode) -> Fields:
    """The answer where there is none: docs/json.md."""
    return {"result": "failed", "code": str(code), "error": why}


def text(request: Fields, name: str, default: str | None = None) -> str:
    """A string field that can be written down anywhere.  Raises BadRequest."""
    value = raw_text(request, name, default)
    if not _is_unicode(value):
        raise BadRequest(f"the field {name} is not valid Unicode")
    return value


def raw_text(request: Fields, name: str, default: str | None = None) -> str:
    """A string field in which surrogates may stand for bytes that are not UTF-8.

    Raises BadRequest.
    """
    value = request.get(name, default)
    if not isinstance(value, str) or len(value) > limits.LINE_BYTES:
        raise BadRequest(f"the field {name} must be a string")
    return value


def _is_unicode(value: str) -> bool:
    """Returns True if UTF-8 can hold it: neither SQLite nor msgpack takes lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def key(request: Fields) -> Path:
    """The field `name`, a dotted key.  Raises BadRequest."""
    name = text(request, "name")
    if len(name) > limits.REASON_BYTES:
        raise BadRequest(f"the name is longer than {limits.REASON_BYTES} characters")
    try:
        path = parse_key(name)
    except ValueError as error:
        raise BadRequest(str(error)) from None
    if len(path) > limits.CONFIGURATION_DEPTH:
        raise BadRequest(f"the name has more than {limits.CONFIGURATION_DEPTH} parts")
    return path


def count(request: Fields, name: str, default: int, most: int) -> int:
    """An integer field, not negative.  Raises BadRequest."""
    value = request.get(name, default)
    if type(value) is not int or not 0 <= value <= most:
        raise BadRequest(f"the field {name} must be an integer from 0 to {most}")
    return value


def texts(request: Fields, name: str) -> list[str]:
    """A field that is a list of strings, or missing.  Raises BadRequest."""
    values = request.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise BadRequest(f"the field {name} must be a list of strings")
    if not all(_is_unicode(value) for value in values):
        raise BadRequest(f"the field {name} is not valid Unicode")
    return values


def pairs(request: Fields, name: str) -> tuple[tuple[str, str], ...]:
    """A field that is a list of KEY=VALUE, or missing.  Raises BadRequest."""
    pairs = []
    for assignment in texts(request, name):
        key_, equals, value = assignment.partition("=")
        if not equals or not key_:
            raise BadRequest(f"{assignment!r:.60} is no assignment; write KEY=VALUE")
        pairs.append((dotted(key_), value))
    return tuple(pairs)


def dotted(name: str) -> str:
    """A dotted key in the one way of writing it.  Raises BadRequest."""
    try:
        return format_key(parse_key(name))
    except ValueError as error:
        raise BadRequest(str(error)) from None


def seconds(request: Fields, name: str = "timeout") -> float:
    """A field in seconds, by default that of the timeout.  Raises BadRequest."""
    value = request.get(name, limits.PREPARE_SECONDS)
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not 0 < value <= limits.LONGEST_SECONDS:
        raise BadRequest(f"the {name} must be more than 0 and at most {limits.LONGEST_SECONDS:g} s")
    return float(value)


class ChangeOptions(NamedTuple):
    """What every change may be given; the meaning of each is that of ChangeRequest."""

    seconds: float
    dry_run: bool
    message: str
    if_generation: int | None
    confirm: float | None
    strict: bool
    rehearse: bool

    def request(self, proposal: Proposal, verb: str, who: Who) -> ChangeRequest:
        """The change with these options."""
        return ChangeRequest(proposal, verb, who, **self._asdict())


def change_options(request: Fields) -> ChangeOptions:
    """The options of a change.  Raises BadRequest."""
    expected, confirm = request.get("if_generation"), request.get("confirm")
    return ChangeOptions(
        seconds=seconds(request),
        dry_run=flag(request, "dry_run"),
        message=text(request, "message", "")[: limits.MESSAGE_LENGTH],
        if_generation=None if expected is None else generation(request, "if_generation"),
        confirm=None if confirm is None else seconds(request, "confirm"),
        strict=flag(request, "strict"),
        rehearse=flag(request, "rehearse", otherwise=True),
    )


def flag(request: Fields, name: str, otherwise: bool = False) -> bool:
    """A boolean field, `otherwise` where it is missing.  Raises BadRequest."""
    value = request.get(name, otherwise)
    if not isinstance(value, bool):
        raise BadRequest(f"the field {name} must be a boolean")
    return value


def cursor(request: Fields, name: str) -> tuple[int, int]:
    """An epoch and a number, written `4.17`.  Raises BadRequest."""
    epoch, _, number = text(request, name).partition(".")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in (epoch, number)):
        raise BadRequest(f"the field {name} must be a cursor, such as 4.17")
    return int(epoch), int(number)


def generation(request: Fields, name: str = "generation") -> int:
    """A field that is a generation's number, 0 where it is missing.  Raises BadRequest."""
    return count(request, name, 0, 2**63 - 1)


def sources(request: Fields) -> tuple[Source, ...]:
    """The texts of a load.  Raises BadRequest, and Unreadable where one is too long."""
    given = request.get("sources")
    if not isinstance(given, list) or len(given) > limits.SOURCE_FILES:
        raise BadRequest("the field sources must be a list")
    sources = []
    for source in given:
        if not isinstance(source, dict):
            raise BadRequest("a source must be an object")
        form = text(source, "format")
        if form not in ("toml", "json"):
            raise BadRequest(f"{form!r:.20} is no format")
        body = _bytes(raw_text(source, "text"))
        if len(body) > limits.SOURCE_BYTES:
            long = f"{len(body)} bytes; at most {limits.SOURCE_BYTES} are read"
            raise Unreadable((Reason("config", long, code=ReasonCode.TOO_LARGE),))
        sources.append(Source(raw_text(source, "name"), body, "toml" if form == "toml" else "json"))
    return tuple(sources)


def _bytes(body: str) -> bytes:
    """The bytes of a file whose text came as JSON.  Raises BadRequest."""
    try:
        return body.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        raise BadRequest("a source's text is no text that a file could hold") from None
