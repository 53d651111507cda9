# SPDX-License-Identifier: LGPL-3.0-or-later
"""Sizes in bytes as Flux writes them: `10M`, `2.5G`, `0x1000`."""

import math
import re
from typing import Final

from protocol.formats.c_numbers import REAL, WHITE_SPACE, magnitude
from protocol.formats.quoted import quoted

LARGEST: Final = 2**64 - 1

_SCALES: Final = {
    "": 1,
    "k": 2**10,
    "K": 2**10,
    "M": 2**20,
    "G": 2**30,
    "T": 2**40,
    "P": 2**50,
    "E": 2**60,
}
_UNIT = "(?P<unit> [kKMGTPE]? )"
_INTEGER = re.compile(
    rf"{WHITE_SPACE} \+? (?: 0[xX](?P<hex> [0-9a-fA-F]+ ) | 0(?P<octal> [0-7]* )"
    rf" | (?P<decimal> [1-9][0-9]* ) ) {_UNIT}",
    re.VERBOSE,
)
_FRACTION = re.compile(rf"{WHITE_SPACE} {REAL} {_UNIT}", re.VERBOSE)


def parse_byte_size(text: str) -> int:
    """The bytes that `text` stands for, fractions of one cut off.

    A number and at most one of k K M G T P E, powers of 1024.  An integer may be written as in C
    (0x1F; 010 is eight); where that does not fit, it is read as a decimal fraction ("2.5M", "08").
    Raises ValueError, with a sentence for people.

    >>> parse_byte_size("2.5M"), parse_byte_size("010")
    (2621440, 8)
    """
    size = _integer(text)
    if size is None:
        size = _fraction(text)
    if size > LARGEST:
        raise ValueError(f"{quoted(text)} is too large: at most {LARGEST} bytes can be counted")
    return size


def _integer(text: str) -> int | None:
    match = _INTEGER.fullmatch(text)
    if not match:
        return None
    for group, base in (("hex", 16), ("octal", 8), ("decimal", 10)):
        digits = match[group]
        if digits is not None:
            # Longer ones are too large anyhow, and Python reads long decimals slowly or not at all.
            significant = digits.lstrip("0")
            return (int(significant or "0", base) if len(significant) <= 22 else 2**64) * _SCALES[
                match["unit"]
            ]
    raise AssertionError("one of the three groups has matched")


def _fraction(text: str) -> int:
    match = _FRACTION.fullmatch(text)
    if not match or match["infinity"]:
        raise ValueError(
            f"{quoted(text)} is not a size: write a number and at most one of "
            'k, K, M, G, T, P, E, as in "10M"'
        )
    number = magnitude(match)
    if match["sign"] == "-" and number:
        raise ValueError(f"{quoted(text)} is not a size: it must not be negative")
    size = number * _SCALES[match["unit"]]
    return LARGEST + 1 if math.isinf(size) else math.floor(size)


def format_byte_size(size: int) -> str:
    """`size` in the largest unit that leaves no remainder; `parse_byte_size` reads it back.

    Raises ValueError where `size` is below 0 or above LARGEST.

    >>> format_byte_size(10 * 2**20), format_byte_size(1500)
    ('10M', '1500')
    """
    if not 0 <= size <= LARGEST:
        raise ValueError(f"{size} is not a size in bytes")
    for unit in "EPTGMK":
        if size and size % _SCALES[unit] == 0:
            return f"{size // _SCALES[unit]}{unit}"
    return str(size)
