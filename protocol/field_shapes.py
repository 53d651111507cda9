# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a field of a message may be, told in a row of bounds.

Most processes that decode a message have done something else before, and find neither their code
nor their data in the processor's caches.  So the fields of a message are gone through in one short
loop, and a field costs a call only where a bound cannot tell.
"""

import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from protocol import limits
from protocol.messages import Argument, Arguments, Question
from protocol.reason_code import ReasonCode
from protocol.reasons import Origin, Reason


class BadField(Exception):
    """A field is not what it should be; the text says in what way."""


class Shape(NamedTuple):
    """One kind of field."""

    of: type
    """Exactly this, no subclass: True is no integer here."""
    what: str
    """In words, as in "not a count"."""
    least: float
    most: float
    sized: bool = False
    """The bounds are for its length; else for itself."""
    sound: Callable[[Any], object] | None = None
    """Extra predicate: the value is rejected if it returns something false."""
    made: Callable[[Any], Any] | None = None
    """Converter; its result is stored in place of the wire value.  May raise BadField."""
    optional: bool = False
    """None is accepted."""


def check_fields(shapes: Iterable[Shape], fields: Iterable[Any], into: list[Any]) -> None:
    """Append each field to `into` as its shape wants it.

    Raises BadField at the first that is not.
    """
    for (of, what, least, most, sized, sound, made, optional), value in zip(
        shapes, fields, strict=True
    ):
        if type(value) is not of:
            if value is None and optional:
                into.append(None)
                continue
            if of is not float or type(value) is not int:  # a whole number of seconds is one, too
                raise BadField(f"not {what}")
        if not least <= (len(value) if sized else value) <= most:
            too_long = of is str and value
            raise BadField(f"longer than {most} characters" if too_long else f"not {what}")
        if sound is not None and not sound(value):
            raise BadField(f"not {what}")
        into.append(value if made is None else made(value))


def text(most: int) -> Shape:
    """Any text of at most so many characters."""
    return Shape(str, "a string", 0, most, sized=True)


def _one(shape: Shape, value: Any) -> Any:
    into: list[Any] = []
    check_fields((shape,), (value,), into)
    return into[0]


def _arguments(value: list[Any]) -> Arguments:
    length = 0
    found = []
    for entry in value:
        if type(entry) is not list or len(entry) != 3:
            raise BadField("an argument is not origin, key and value")
        fields: list[str] = []
        check_fields((_SOURCE, _ARGUMENT, _ARGUMENT), entry, fields)
        found.append(Argument(*fields))
        length += len(entry[1]) + len(entry[2])
        if length > limits.ARGUMENTS_LENGTH:
            raise BadField("too much text")
    return tuple(found)


def _reasons(value: list[Any]) -> tuple[Reason, ...]:
    total, reasons = 0, []
    for item in value:
        reason = _reason(item)
        total += len(reason.message)
        if total > limits.REASONS_BYTES + limits.REASON_BYTES:
            raise BadField("too much text")
        reasons.append(reason)
    return tuple(reasons)


def _reason(item: Any) -> Reason:
    if type(item) is not list or len(item) != 5:
        raise BadField("a reason is not module, message, key, source and code")
    module, message, key, source, code = item
    if type(key) is not list or len(key) > limits.CONFIGURATION_DEPTH:
        raise BadField("a reason's key is not a path")
    for step in key:
        if not (type(step) is int and step >= 0) and type(step) is not str:
            raise BadField("a step of a reason's key is neither text nor index")
    origin = None if source is None else Origin(_one(_SOURCE, source))
    if type(code) is not str or code not in _CODES:
        raise BadField("a reason's code is none")
    return Reason(_one(NAME, module), _one(_MESSAGE, message), tuple(key), origin, _CODES[code])


_CODES = {str(code): code for code in ReasonCode}
_SOURCE = text(limits.SOURCE_LENGTH)
_ARGUMENT = text(limits.ARGUMENTS_LENGTH)
_MESSAGE = text(2 * limits.REASON_BYTES)
_HEXADECIMAL = re.compile("(?:[0-9a-f]{64})?").fullmatch

_QUESTIONS = frozenset(map(str, Question))
COUNT = Shape(int, "a count", 0, 2**63 - 1)
TRUTH = Shape(bool, "a boolean", False, True)
SECONDS = Shape(float, "a number of seconds", 0.0, sys.float_info.max, made=float)
NAME = Shape(str, "a printable name", 1, limits.NAME_LENGTH, sized=True, sound=str.isprintable)
NAME_OR_NONE = NAME._replace(optional=True)
QUESTION = NAME._replace(what="a question", sound=_QUESTIONS.__contains__, made=Question)
LEDGER = NAME._replace(what="a ledger's identity", least=0)
DIGEST = Shape(str, "a digest", 0, 64, sized=True, sound=_HEXADECIMAL)
BYTES = Shape(bytes, "an encoded configuration", 0, limits.CONFIGURATION_BYTES, sized=True)
REASONS = Shape(list, "a list of reasons", 0, limits.REASONS_COUNT, sized=True, made=_reasons)
ARGUMENTS = Shape(list, "a list of arguments", 0, limits.ARGUMENTS, sized=True, made=_arguments)
ARGUMENTS_OR_NONE = ARGUMENTS._replace(optional=True)
