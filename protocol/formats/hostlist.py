# SPDX-License-Identifier: LGPL-3.0-or-later
"""Host names in Flux's compact notation: `node[0-3,7],login` (RFC 29, as flux-core 0.88 reads it).

A list is kept as spans of consecutive names, however many hosts they stand for: a configuration of
a hundred bytes may name a million hosts, and most questions need none of the names spelled out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from protocol.formats.c_numbers import WHITE_SPACE
from protocol.formats.quoted import quoted

RANGE_HOSTS: Final = 1 << 20
"""Hosts in one range; flux-core's limit."""
BRACKET_RANGES: Final = 10240
"""Ranges in one pair of brackets; flux-core's limit."""
LIST_HOSTS: Final = 1 << 22
"""Hosts in one list; ours, so that spelling one out is bounded."""
NAME_BYTES: Final = 270
"""Flux drops longer names without a word."""

_LARGEST = 2**64 - 1
_SEPARATORS = re.compile(r"[, \t]*")
_ITEM = re.compile(r"(?: [^\[\],\ \t]+ | \[[^\[\]]*\] )+", re.VERBOSE)
_BRACKETED = re.compile(r"([^\[\]]*) \[ ([^\[\]]*) \] (.*)", re.VERBOSE | re.DOTALL)
_RANGE = re.compile(
    rf"(?P<low> {WHITE_SPACE} \+? (?P<first> [0-9]+ ))"
    rf"(?: - (?: {WHITE_SPACE} \+? (?P<last> [0-9]+ ))? )?",
    re.VERBOSE,
)
_LAST_NUMBER = re.compile(r"(.*?) ([0-9]+) ([^0-9]*)", re.VERBOSE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive names: `prefix`, a number from `first` to `last`, `suffix`.

    Numbers are padded with zeros to `width` digits.  Width 0: the one name `prefix`, no number.
    """

    prefix: str
    first: int = 0
    last: int = 0
    width: int = 0
    suffix: str = ""

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[str]:
        if not self.width:
            return iter((self.prefix,))
        form = f"%s%0{self.width}d%s"
        return (form % (self.prefix, n, self.suffix) for n in range(self.first, self.last + 1))

    def __contains__(self, name: str) -> bool:
        if not self.width:
            return name == self.prefix
        if not (name.startswith(self.prefix) and name.endswith(self.suffix)):
            return False
        digits = name[len(self.prefix) : len(name) - len(self.suffix)]
        if not re.fullmatch(f"[0-9]{{1,{NAME_BYTES}}}", digits):
            return False
        number = int(digits)
        return self.first <= number <= self.last and digits == self.digits(number)

    def digits(self, number: int) -> str:
        """`number` as it stands in a name of this span."""
        return f"{number:0{self.width}d}"


@dataclass(frozen=True, slots=True)
class Hosts:
    """A list of host names, in order, duplicates kept; immutable."""

    spans: tuple[Span, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Hosts":
        """The list that `text` stands for.

        Raises ValueError, with a sentence for people: brackets unbalanced, nested or empty, a bad
        range, more than RANGE_HOSTS, BRACKET_RANGES or LIST_HOSTS.

        >>> list(Hosts.parse("node[08-10], login"))
        ['node08', 'node09', 'node10', 'login']
        """
        spans: list[Span] = []
        total = 0
        for item in _items(text):
            for span in _spans(item):
                total += len(span)
                if total > LIST_HOSTS:
                    raise _bad(text, f"it names more than {LIST_HOSTS} hosts")
                _append(spans, span)
        return cls(tuple(spans))

    def __len__(self) -> int:
        return sum(len(span) for span in self.spans)

    def __iter__(self) -> Iterator[str]:
        for span in self.spans:
            yield from span

    def __contains__(self, name: str) -> bool:
        return any(name in span for span in self.spans)

    def __str__(self) -> str:
        """Compact notation that `parse` reads back to an equal list."""
        groups = groupby(self.spans, key=lambda span: (span.prefix, span.suffix, span.width > 0))
        return ",".join(text for _, group in groups for text in _printed(list(group)))


def _bad(text: str, why: str) -> ValueError:
    return ValueError(f"{quoted(text)} is not a hostlist: {why}")


# Reading


def _items(text: str) -> Iterator[str]:
    """The items between the separators that stand outside brackets."""
    position = _SEPARATORS.match(text).end()  # type: ignore[union-attr]  # it matches anywhere
    while position < len(text):
        item = _ITEM.match(text, position)
        if item is None:
            raise _bad(text, "its brackets are unbalanced or nested")
        yield item[0]
        position = _SEPARATORS.match(text, item.end()).end()  # type: ignore[union-attr]


def _spans(item: str) -> Iterator[Span]:
    bracketed = _BRACKETED.fullmatch(item)
    if not bracketed:
        if len(item.encode(errors="replace")) <= NAME_BYTES:
            yield from _single(item)
        return
    prefix, ranges, suffix = bracketed.groups()
    members = ranges.split(",")
    if len(members) > BRACKET_RANGES:
        raise _bad(item, f"more than {BRACKET_RANGES} ranges stand in one pair of brackets")
    for member in members:
        span = _short_enough(_range(item, prefix, member, suffix))
        if span:
            yield from _canonical(span)


def _range(item: str, prefix: str, member: str, suffix: str) -> Span:
    match = _RANGE.fullmatch(member)
    if not match:
        raise _bad(item, f"{quoted(member)} in brackets is neither a number nor a range")
    first, last = _number(item, match["first"]), _number(item, match["last"] or match["first"])
    if first > last:
        raise _bad(item, f"the range {quoted(member)} descends")
    if last - first >= RANGE_HOSTS:
        raise _bad(item, f"the range {quoted(member)} has more than {RANGE_HOSTS} hosts")
    return Span(prefix, first, last, len(match["low"]), suffix)


def _number(item: str, digits: str) -> int:
    significant = digits.lstrip("0")
    if len(significant) > 20 or int(significant or "0") > _LARGEST:
        raise _bad(item, f"the number {quoted(digits)} does not fit 64 bits")
    return int(significant or "0")


def _short_enough(span: Span) -> Span | None:
    """The part of `span` whose names Flux does not drop for their length."""
    room = NAME_BYTES - len((span.prefix + span.suffix).encode(errors="replace"))
    if room < max(span.width, len(str(span.first))):
        return None
    last = min(span.last, 10**room - 1)
    return Span(span.prefix, span.first, last, span.width, span.suffix)


# One form for each list


def _single(name: str) -> Iterator[Span]:
    """The span of one name: its last number counts, as far as 64 bits hold it."""
    match = _LAST_NUMBER.fullmatch(name)
    if not match:
        yield Span(name)
        return
    prefix, digits, suffix = match.groups()
    number = int(digits)
    if number <= _LARGEST:
        yield Span(prefix, number, number, len(digits), suffix)
    elif suffix:
        yield Span(name)
    # else Flux drops it


def _canonical(span: Span) -> Iterator[Span]:
    """The names of `span` with every digit before the number made part of it.

    So n1[0-5] and n[10-15] are one and the same.  A range with digits or brackets behind it has no
    better form than its own.
    """
    if re.search(r"[0-9\[]", span.suffix):
        spelled_out = len(span) == 1 and "[" not in span.suffix
        yield from (spelled_out and tuple(_single(next(iter(span))))) or (span,)
        return
    letters = span.prefix.rstrip("0123456789")
    digits = span.prefix[len(letters) :]
    first = span.first
    while first <= span.last:
        length = max(span.width, len(str(first)))
        last = min(span.last, 10**length - 1)
        low, high = (int(digits + f"{n:0{length}d}") for n in (first, last))
        if digits and high > _LARGEST:
            yield Span(span.prefix, first, last, length, span.suffix)
        else:
            yield Span(letters, low, high, len(digits) + length, span.suffix)
        first = last + 1


def _append(spans: list[Span], span: Span) -> None:
    """Put `span` behind the others; where it continues the last one, make them one."""
    if spans and span.width:
        last = spans[-1]
        continues = (
            (last.prefix, last.suffix) == (span.prefix, span.suffix)
            and last.width > 0
            and last.last + 1 == span.first
            and last.digits(span.first) == span.digits(span.first)
            and len(last) + len(span) <= RANGE_HOSTS
        )
        if continues:
            spans[-1] = Span(last.prefix, last.first, span.last, last.width, last.suffix)
            return
    spans.append(span)


# Printing


def _printed(group: list[Span]) -> Iterator[str]:
    """Spans of one prefix and suffix, in brackets where there is more than one name."""
    if not group[0].width:
        yield from (span.prefix for span in group)
        return
    prefix, suffix = group[0].prefix, group[0].suffix
    for start in range(0, len(group), BRACKET_RANGES):
        part = group[start : start + BRACKET_RANGES]
        members = ",".join(_member(span) for span in part)
        if (
            len(part) == 1
            and len(part[0]) == 1
            and "[" not in suffix  # it would be read as the number's brackets
            and list(_single(prefix + members + suffix)) == part
        ):
            yield prefix + members + suffix
        else:
            yield f"{prefix}[{members}]{suffix}"


def _member(span: Span) -> str:
    first = span.digits(span.first)
    return first if len(span) == 1 else f"{first}-{span.digits(span.last)}"
