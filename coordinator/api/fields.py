# SPDX-License-Identifier: LGPL-3.0-or-later
"""Fields of a request, checked; whatever a client sends, the answer is a value or BadRequest."""

from typing import Any

from coordinator.files.reading import Source, Unreadable
from protocol import limits
from protocol.keys import Path, format_key, parse_key
from protocol.reasons import Reason

Fields = dict[str, Any]


class BadRequest(Exception):
    """The request cannot be served; the text says why."""


# Fields


def text(request: Fields, name: str, default: str | None = None) -> str:
    """A string field that can be written down anywhere.  Raises Wrong."""
    value = raw_text(request, name, default)
    if not _is_unicode(value):
        raise BadRequest(f"the field {name} is not valid Unicode")
    return value


def raw_text(request: Fields, name: str, default: str | None = None) -> str:
    """A string field in which bytes that are not UTF-8 may stand as surrogates.  Raises Wrong."""
    value = request.get(name, default)
    if not isinstance(value, str) or len(value) > limits.LINE_BYTES:
        raise BadRequest(f"the field {name} must be a string")
    return value


def _is_unicode(value: str) -> bool:
    """Whether UTF-8 can hold it: neither SQLite nor msgpack takes lone surrogates."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def key(request: Fields) -> Path:
    """The field `name`, a dotted key.  Raises Wrong."""
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
    """An integer field, not negative.  Raises Wrong."""
    value = request.get(name, default)
    if type(value) is not int or not 0 <= value <= most:
        raise BadRequest(f"the field {name} must be an integer from 0 to {most}")
    return value


def texts(request: Fields, name: str) -> list[str]:
    """A field that is a list of strings, or missing.  Raises Wrong."""
    found = request.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise BadRequest(f"the field {name} must be a list of strings")
    if not all(_is_unicode(one) for one in found):
        raise BadRequest(f"the field {name} is not valid Unicode")
    return found


def pairs(request: Fields, name: str) -> tuple[tuple[str, str], ...]:
    """A field that is a list of KEY=VALUE, or missing.  Raises Wrong."""
    pairs = []
    for one in texts(request, name):
        key_, equals, value = one.partition("=")
        if not equals or not key_:
            raise BadRequest(f"{one!r:.60} is no assignment; write KEY=VALUE")
        pairs.append((dotted(key_), value))
    return tuple(pairs)


def dotted(name: str) -> str:
    """A dotted key in the one way of writing it.  Raises Wrong."""
    try:
        return format_key(parse_key(name))
    except ValueError as error:
        raise BadRequest(str(error)) from None


def seconds(request: Fields, name: str = "timeout") -> float:
    """A field in seconds, by default that of the timeout.  Raises Wrong."""
    value = request.get(name, limits.PREPARE_SECONDS)
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not 0 < value <= limits.LONGEST_SECONDS:
        raise BadRequest(f"the {name} must be more than 0 and at most {limits.LONGEST_SECONDS:g} s")
    return float(value)


def change_options(request: Fields) -> tuple[float, bool, str, int | None, float | None, bool]:
    """What every change may be given, in the order of ChangeRequest."""
    expected, confirm = request.get("if_generation"), request.get("confirm")
    return (
        seconds(request),
        _truth(request, "dry_run"),
        text(request, "message", "")[:1000],
        None if expected is None else count(request, "if_generation", 0, 2**63 - 1),
        None if confirm is None else seconds(request, "confirm"),
        _truth(request, "strict"),
    )


def _truth(request: Fields, name: str) -> bool:
    value = request.get(name, False)
    if not isinstance(value, bool):
        raise BadRequest(f"the field {name} must be a boolean")
    return value


def sources(request: Fields) -> tuple[Source, ...]:
    given = request.get("sources")
    if not isinstance(given, list) or len(given) > limits.SOURCE_FILES:
        raise BadRequest("the field sources must be a list")
    sources = []
    for one in given:
        if not isinstance(one, dict):
            raise BadRequest("a source must be an object")
        form = text(one, "format")
        if form not in ("toml", "json"):
            raise BadRequest(f"{form!r:.20} is no format")
        body = _bytes(raw_text(one, "text"))
        if len(body) > limits.SOURCE_BYTES:
            reason = Reason("config", f"{len(body)} bytes; at most {limits.SOURCE_BYTES} are read")
            raise Unreadable((reason,))
        sources.append(Source(raw_text(one, "name"), body, "toml" if form == "toml" else "json"))
    return tuple(sources)


def _bytes(body: str) -> bytes:
    """The bytes of a file whose text came as JSON.  Raises Wrong."""
    try:
        return body.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        raise BadRequest("a source's text is no text that a file could hold") from None
