# SPDX-License-Identifier: LGPL-3.0-or-later
"""Sets of small numbers in Flux's notation: `0-3,7` (RFC 22, as flux-core 0.88 reads it).

Cores, gpus and ranks are counted this way.  A set is kept as ranges: `0-2147483647` is one.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from protocol.formats.quoted import quoted

LARGEST_ID: Final = 2**31 - 1

_MEMBER = re.compile(r"(0|[1-9][0-9]*)(?:-(0|[1-9][0-9]*))?")


@dataclass(frozen=True, slots=True)
class Ids:
    """An immutable set of ids, as ascending ranges (first, last) with gaps between them."""

    ranges: tuple[tuple[int, int], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Ids":
        """The set that `text` stands for; ids are cut to 32 bits and then judged, as in Flux.

        Raises ValueError, with a sentence for people.

        >>> str(Ids.parse("[0,1,2,,7]"))
        '0-2,7'
        """
        inner = text[1:-1] if len(text) > 1 and text[0] == "[" and text[-1] == "]" else text
        ranges: list[tuple[int, int]] = []
        highest = -1
        for member in inner.split(","):
            if not member:
                continue
            first, last = _range(text, member)
            if first <= highest:
                raise _bad(text, f"{quoted(member)} does not ascend")
            if ranges and first == highest + 1:
                ranges[-1] = (ranges[-1][0], last)
            else:
                ranges.append((first, last))
            highest = last
        return cls(tuple(ranges))

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self.ranges)

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges:
            yield from range(first, last + 1)

    def __contains__(self, number: int) -> bool:
        before = bisect_right(self.ranges, (number, LARGEST_ID))
        return before > 0 and number <= self.ranges[before - 1][1]

    def __or__(self, other: "Ids") -> "Ids":
        joined: list[tuple[int, int]] = []
        for first, last in sorted(self.ranges + other.ranges):
            if joined and first <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
            else:
                joined.append((first, last))
        return Ids(tuple(joined))

    def __str__(self) -> str:
        """Compact notation, without brackets, that `parse` reads back to an equal set."""
        return ",".join(
            str(first) if first == last else f"{first}-{last}" for first, last in self.ranges
        )


def _bad(text: str, why: str) -> ValueError:
    return ValueError(f"{quoted(text)} is not an idset: {why}")


def _range(text: str, member: str) -> tuple[int, int]:
    match = _MEMBER.fullmatch(member)
    if not match:
        raise _bad(text, f"{quoted(member)} is neither a number nor a range of numbers")
    first = _id(text, match[1])
    if match[2] is None:
        return first, first
    last = _id(text, match[2])
    if first >= last:
        raise _bad(text, f"the range {quoted(member)} does not ascend")
    return first, last


def _id(text: str, digits: str) -> int:
    if len(digits) > 20 or int(digits) >= 2**64:
        raise _bad(text, f"{quoted(digits)} does not fit 64 bits")
    cut = int(digits) & 0xFFFFFFFF
    if cut > LARGEST_ID:
        raise _bad(text, f"{digits} is larger than {LARGEST_ID}")
    return cut
