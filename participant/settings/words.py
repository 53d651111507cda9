# SPDX-License-Identifier: LGPL-3.0-or-later
"""What pydantic finds wrong, in words of the configuration's user rather than of Python's.

An author who writes `ge=1` and one who writes a validator of his own are read by the same person,
so both say "must be 1 or more, not 0".  Every error of pydantic's has its sentence here; one that a
later pydantic adds is turned as well as can be.

https://docs.pydantic.dev/latest/errors/validation_errors/
"""

import ast
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from protocol.formats.fsd import format_fsd
from protocol.formats.quoted import quoted

_KINDS: Final = {
    dict: "a table",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a real number",
}

TYPES: Final = {
    "bool_type": "a boolean",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_parsing": "a boolean",
    "string_type": "a string",
    "string_unicode": "a string",
    "string_sub_type": "a string",
    "bytes_type": "a string",
    "url_type": "a string",
    "uuid_type": "a string",
    "path_type": "a string",
    "json_type": "a string",
    "list_type": "an array",
    "set_type": "an array",
    "frozen_set_type": "an array",
    "tuple_type": "an array",
    "deque_type": "an array",
    "iterable_type": "an array",
    "dict_type": "a table",
    "frozen_dict_type": "a table",
    "mapping_type": "a table",
    "ordered_dict_type": "a table",
    "counter_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "dataclass_type": "a table",
    "dataclass_exact_type": "a table",
    "named_tuple_type": "an array or a table",
    "arguments_type": "an array or a table",
    "date_type": "a date",
    "time_type": "a time of day",
    "datetime_type": "a date with a time",
    "time_delta_type": "a length of time",
    "decimal_type": "a number",
    "fraction_type": "a number",
    "complex_type": "a complex number",
}
"""pydantic's errors about the type of a value, and the type that is wanted."""

FORMATS: Final = {
    "fsd": "duration",
    "hostlist": "hostlist",
    "idset": "idset",
    "bytes": "size",
    "path": "path",
    "file-path": "path of a file",
    "directory-path": "path of a directory",
    "ipv4": "IPv4 address",
    "ipv6": "IPv6 address",
    "ipvanyaddress": "IP address",
    "ipv4network": "IPv4 network",
    "ipv6network": "IPv6 network",
    "ipvanynetwork": "IP network",
    "ipv4interface": "IPv4 address with a network",
    "ipv6interface": "IPv6 address with a network",
    "ipvanyinterface": "IP address with a network",
    "date-time": "date with a time",
    "date": "date",
    "time": "time of day",
    "duration": "length of time",
    "uuid": "UUID",
    "uri": "URL",
    "regex": "regular expression",
    "email": "address of mail",
    "binary": "string",
    "fraction": "fraction",
}
"""JSON Schema's formats, pydantic's and ours, as nouns."""

SAMPLES: Final = {
    "fsd": "1s",
    "hostlist": "node[0-3]",
    "idset": "0-3",
    "bytes": "10M",
    "path": "/etc/example",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "ipvanyaddress": "192.0.2.1",
    "ipv4network": "192.0.2.0/24",
    "ipv6network": "2001:db8::/32",
    "ipvanynetwork": "192.0.2.0/24",
    "ipv4interface": "192.0.2.1/24",
    "ipv6interface": "2001:db8::1/32",
    "ipvanyinterface": "192.0.2.1/24",
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00",
    "duration": "PT1H30M",
    "uuid": "12345678-1234-4234-8234-123456789abc",
    "uri": "https://example.org/",
    "regex": "[a-z]+",
    "fraction": "1/2",
}
"""One value of each format that needs no machine to be right (RFC 5737, RFC 3849, RFC 2606)."""

_SHOWN: Final = 60
"""Characters of a value that are quoted."""


def wanted_of(described: Mapping[str, Any]) -> str:
    """What a value of this JSON Schema is, with an example where that helps; or empty."""
    form = str(described.get("format", ""))
    noun = FORMATS.get(form, "")
    if not noun:
        return ""
    article = "an" if noun[0] in "aeio" or noun.startswith(("IP", "idset")) else "a"
    hint = f", such as {quoted(SAMPLES[form])}" if form in _NEED_A_HINT else ""
    return f"{article} {noun}{hint}"


_NEED_A_HINT: Final = frozenset({"date-time", "date", "time", "duration"})


def shown_value(value: Any) -> str:
    """A value as a reason shows it: short ones as they are, others by their type.

    >>> shown_value(0), shown_value("x"), shown_value([1])
    ('0', '"x"', 'an array')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        text = repr(value)
        return text if len(text) <= _SHOWN else _KINDS[type(value)]
    if isinstance(value, str):
        return quoted(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")
    return _kind(value)


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), "something else")


class Complaint(NamedTuple):
    """What one error says: a sentence, or what the value must be and what it is."""

    sentence: str = ""
    must: str = ""
    """Goes after "must", as in "be 1 or more"."""
    got: str = ""
    """Goes after "not"; empty where nothing is to be said."""
    tells_value: bool = False
    """Whether a secret would be in it."""

    def __str__(self) -> str:
        if self.sentence:
            return self.sentence
        return f"must {self.must}" + (f", not {self.got}" if self.got else "")

    def without_value(self) -> "Complaint | None":
        """The same without what is secret; None where nothing is left."""
        if not self.tells_value:
            return self
        return None if self.sentence else self._replace(got="", tells_value=False)


def complaint(
    kind: str, message: str, context: Mapping[str, Any], typed: Any, form: str = ""
) -> Complaint:
    """What the error `kind` says, with pydantic's `message` and `context`, about the value `typed`.

    `typed` is the value as it stands in TOML, `form` the format of its JSON Schema.
    """
    if form == "fsd":  # its bounds are told as durations
        context = {name: _duration(bound) for name, bound in context.items()}
    elif form in _PARTS_OF_TEXTS:
        context = {**context, "unit": _PARTS_OF_TEXTS[form]}
    if kind in TYPES:
        return Complaint(must=f"be {TYPES[kind]}", got=_kind(typed))
    if kind in _SENTENCES:
        return Complaint(_SENTENCES[kind])
    if kind == "natural_type":
        got, value = str(context["got"]), isinstance(typed, str | int | float)
        return Complaint(must=f"be {context['wanted']}", got=got, tells_value=value)
    if kind in _RULES:
        rule = _RULES[kind]
        got = rule.got(typed, context)
        return Complaint(must=rule.must(typed, context), got=got, tells_value=rule.tells_value)
    if kind in ("value_error", "assertion_error"):
        text = message.removeprefix("Value error, ").removeprefix("Assertion failed, ")
        return Complaint(text or "is not accepted", tells_value=True)
    return Complaint(_turned(message), tells_value=True)


_SENTENCES: Final = {
    "extra_forbidden": "unknown key",
    "unexpected_keyword_argument": "unknown key",
    "missing": "is required",
    "missing_argument": "is required",
    "missing_keyword_only_argument": "is required",
    "missing_positional_only_argument": "is required",
    "union_tag_not_found": "is required",
    "none_required": "must be left out",
    "missing_sentinel_error": "must be left out",
    "unexpected_positional_argument": "is one element too many",
    "multiple_argument_values": "is given twice",
    "recursion_loop": "contains itself",
    "recursion_depth_exceeded": "is nested too deep",
    "default_factory_not_called": "has no default while another key of the table is wrong",
    "set_item_not_hashable": "must not have an array or a table in it",
    "int_parsing_size": "must have fewer digits",
    "decimal_parsing": "must be a number",
    "fraction_parsing": 'must be a number, or a fraction such as "1/2"',
    "complex_str_parsing": 'must be a complex number, such as "1+2j"',
}


class _Rule(NamedTuple):
    """How a broken constraint is told."""

    must: Callable[[Any, Mapping[str, Any]], str]
    got: Callable[[Any, Mapping[str, Any]], str]
    tells_value: bool = False


def _bound(template: str, name: str) -> _Rule:
    def must(_: Any, context: Mapping[str, Any]) -> str:
        return template.format(context.get(name, "…"))

    return _Rule(must, lambda typed, _: shown_value(typed), tells_value=True)


def _duration(bound: Any) -> Any:
    try:
        return format_fsd(bound)
    except (TypeError, ValueError):
        return bound


def _count(template: str, name: str, counted: str) -> _Rule:
    def must(typed: Any, context: Mapping[str, Any]) -> str:
        number = context.get(name, "…")
        unit = context.get("unit") or _PARTS.get(type(typed), counted)
        return template.format(number, unit if number == 1 else f"{unit}s")

    def got(typed: Any, context: Mapping[str, Any]) -> str:
        actual = context.get("actual_length")
        if actual is None and isinstance(typed, str | list | dict):
            actual = len(typed)
        return "" if actual is None else str(actual)

    return _Rule(must, got)


_PARTS_OF_TEXTS: Final = {"hostlist": "host", "idset": "id"}
_PARTS: Final[dict[type, str]] = {str: "character", list: "element", dict: "key"}


def _one_of(_: Any, context: Mapping[str, Any]) -> str:
    allowed = _values(str(context.get("expected") or context.get("expected_tags") or ""))
    return f"be one of {', '.join(allowed)}" if len(allowed) > 1 else f"be {''.join(allowed)}"


_LITERAL = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\s,]+""")


def _values(expected: str) -> list[str]:
    """The values in pydantic's list of them, `'a', 'b' or 1`, as they are typed."""
    found = []
    for text in _LITERAL.findall(expected):
        if text == "or":
            continue
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            value = text
        found.append(value if isinstance(value, str) else shown_value(value))
    return found


def _fixed(must: str) -> _Rule:
    return _Rule(lambda *_: must, lambda typed, _: shown_value(typed), tells_value=True)


def _fitted(template: str) -> _Rule:
    def must(_: Any, context: Mapping[str, Any]) -> str:
        return template.format_map(_Known(context))

    return _Rule(must, lambda typed, _: shown_value(typed), tells_value=True)


class _Known(dict[str, Any]):
    """What pydantic tells of an error; what it does not tell this time is left open."""

    def __missing__(self, name: str) -> str:
        return "…"


_RULES: Final = {
    "greater_than_equal": _bound("be {} or more", "ge"),
    "greater_than": _bound("be more than {}", "gt"),
    "less_than_equal": _bound("be {} or less", "le"),
    "less_than": _bound("be less than {}", "lt"),
    "multiple_of": _bound("be a multiple of {}", "multiple_of"),
    "finite_number": _fixed("be a finite number"),
    "string_too_short": _count("have {} {} or more", "min_length", "character"),
    "string_too_long": _count("have {} {} or fewer", "max_length", "character"),
    "bytes_too_short": _count("have {} {} or more", "min_length", "byte"),
    "bytes_too_long": _count("have {} {} or fewer", "max_length", "byte"),
    "url_too_long": _count("have {} {} or fewer", "max_length", "character"),
    "too_short": _count("have {} {} or more", "min_length", "element"),
    "too_long": _count("have {} {} or fewer", "max_length", "element"),
    "string_pattern_mismatch": _fitted("match {pattern}"),
    "string_not_ascii": _fixed("be plain ASCII"),
    "bytes_invalid_encoding": _fitted("be written in {encoding}"),
    "enum": _Rule(_one_of, lambda typed, _: shown_value(typed), tells_value=True),
    "literal_error": _Rule(_one_of, lambda typed, _: shown_value(typed), tells_value=True),
    "union_tag_invalid": _Rule(
        _one_of, lambda _, context: quoted(str(context.get("tag", ""))), tells_value=True
    ),
    "decimal_max_digits": _fitted("have {max_digits} digits or fewer"),
    "decimal_max_places": _fitted("have {decimal_places} digits or fewer after the point"),
    "decimal_whole_digits": _fitted("have {whole_digits} digits or fewer before the point"),
    "date_parsing": _fixed('be a date, such as "2026-01-31"'),
    "date_from_datetime_parsing": _fixed('be a date, such as "2026-01-31"'),
    "date_from_datetime_inexact": _fixed("be a date without a time"),
    "date_past": _fixed("lie in the past"),
    "date_future": _fixed("lie in the future"),
    "datetime_past": _fixed("lie in the past"),
    "datetime_future": _fixed("lie in the future"),
    "datetime_parsing": _fixed('be a date with a time, such as "2026-01-31T12:00:00Z"'),
    "datetime_from_date_parsing": _fixed('be a date with a time, such as "2026-01-31T12:00:00Z"'),
    "datetime_object_invalid": _fixed('be a date with a time, such as "2026-01-31T12:00:00Z"'),
    "time_parsing": _fixed('be a time of day, such as "12:00:00"'),
    "time_delta_parsing": _fixed('be a length of time, such as "PT1H30M"'),
    "timezone_aware": _fixed("say its offset from UTC, as Z does"),
    "timezone_naive": _fixed("say no offset from UTC"),
    "timezone_offset": _fitted("have the offset {tz_expected} from UTC, in seconds"),
    "url_parsing": _fixed("be a URL"),
    "url_syntax_violation": _fixed("be a URL"),
    "url_scheme": _fitted("be a URL that begins with {expected_schemes}"),
    "uuid_parsing": _fixed("be a UUID"),
    "uuid_version": _fitted("be a UUID of version {expected_version}"),
    "path_not_file": _fixed("be the path of a file that is there"),
    "path_not_directory": _fixed("be the path of a directory that is there"),
    "path_exists": _fixed("be a path where nothing is yet"),
    "path_not_socket": _fixed("be the path of a socket"),
    "pattern_regex": _fixed("be a regular expression"),
    "json_invalid": _fixed("be JSON text"),
}


def _turned(message: str) -> str:
    """pydantic's own sentence, for an error that is not known here."""
    text = re.sub(r"^(?:Input|Value|String|Data|\w+ input) should ", "must ", message)
    text = re.sub(r"^Input is not ", "is not ", text)
    text = text.replace("be a valid ", "be a ").replace("dictionary", "table")
    return text[:1].lower() + text[1:]


def any_of(complaints: list[Complaint]) -> str:
    """One sentence for the branches of a union, none of which took the value."""
    said = list(dict.fromkeys(complaints))
    sentences = [str(complaint) for complaint in said if complaint.sentence]
    rules = [complaint for complaint in said if not complaint.sentence]
    if not rules or len(said) == 1:
        return "; or ".join(dict.fromkeys(map(str, said)))
    got = next((rule.got for rule in rules if rule.tells_value and rule.got), rules[0].got)
    musts = " or ".join(_joined([rule.must for rule in rules]))
    text = f"must {musts}" + (f", not {got}" if got else "")
    return "; or ".join([text, *dict.fromkeys(sentences)])


def _joined(musts: list[str]) -> list[str]:
    """`be A`, `be B` as `be A`, `B`: the verb is said once."""
    kept = []
    for position, must in enumerate(dict.fromkeys(musts)):
        kept.append(must.removeprefix("be ") if position and musts[0].startswith("be ") else must)
    return kept
