# SPDX-License-Identifier: LGPL-3.0-or-later
"""Flux Standard Duration: how every duration is written in a configuration.

The format is that of Flux RFC 23 (https://flux-framework.readthedocs.io/projects/flux-rfc/en/latest/spec_23.html)
with the liberties that flux-core 0.88 takes: the number may be anything that C's strtod reads, and
no number at all counts as zero.
"""

import math
import re
from typing import Final

from protocol.formats.c_numbers import REAL, WHITE_SPACE, magnitude
from protocol.formats.quoted import quoted

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_FORM: Final = re.compile(
    rf"{WHITE_SPACE} {REAL} (?P<unit> ms | s | m | h | d )?", re.VERBOSE | re.ASCII
)


def parse_fsd(text: str) -> float:
    """The seconds that a duration stands for; math.inf for "infinity".

    Raises ValueError, with a sentence for people, where `text` is no duration.

    >>> parse_fsd("1.5m"), parse_fsd("100ms"), parse_fsd("inf")
    (90.0, 0.1, inf)
    """
    if text == "" or text in _UNITS:  # strtod finds no number there, which Flux takes for zero
        return 0.0
    match = _FORM.fullmatch(text)
    if not match:
        raise ValueError(
            f"{quoted(text)} is not a duration: write a number and one of the units "
            'ms, s, m, h, d, as in "2.5s", or "infinity"'
        )
    number = magnitude(match)
    if match["sign"] == "-":
        if number:
            raise ValueError(f"{quoted(text)} is not a duration: it must not be negative")
        return 0.0
    if not match["unit"]:
        return number
    if math.isinf(number):
        raise ValueError(f"{quoted(text)} is not a duration: infinity has no unit")
    return number * _UNITS[match["unit"]]


def format_fsd(seconds: float) -> str:
    """`seconds` as Flux prints durations: the largest fitting unit, six significant digits.

    Raises ValueError for NaN and for negative durations.

    >>> format_fsd(2), format_fsd(90), format_fsd(0.05)
    ('2s', '1.5m', '50ms')
    """
    if not seconds >= 0:
        raise ValueError(f"{seconds} is not a duration in seconds")
    if math.isinf(seconds):
        return "infinity"
    if 0 < seconds < 0.1:
        return f"{seconds * 1000:.6g}ms"
    for unit, from_seconds in (("d", 86400.0), ("h", 3600.0), ("m", 60.0)):
        if seconds >= from_seconds:
            return f"{seconds / from_seconds:.6g}{unit}"
    return f"{abs(seconds):.6g}s"
