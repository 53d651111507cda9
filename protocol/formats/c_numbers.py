# SPDX-License-Identifier: LGPL-3.0-or-later
"""Numbers as C's strtod reads them, for the formats that Flux reads with strtod.

Written as a pattern, not as a call: Python's float() takes other sentences ("1_000", "٣", "nan")
and strtod itself depends on the locale.
"""

import math
import re
from typing import Final

WHITE_SPACE: Final = r"[ \t\n\v\f\r]*"
"""What strtod and strtoul skip before a number: isspace of the C locale."""

REAL: Final = r"""
    (?P<sign> [+-]? )
    (?:
        (?P<infinity> [iI][nN][fF] (?: [iI][nN][iI][tT][yY] )? )
      | (?P<hexadecimal>
            0[xX] (?: [0-9a-fA-F]+ \.? [0-9a-fA-F]* | \.[0-9a-fA-F]+ ) (?: [pP][+-]?[0-9]+ )? )
      | (?P<decimal> (?: [0-9]+ \.? [0-9]* | \.[0-9]+ ) (?: [eE][+-]?[0-9]+ )? )
    )
"""
"""The subject sequence of strtod without NaN (C99 7.20.1.3); for patterns with re.VERBOSE."""


def magnitude(found: "re.Match[str]") -> float:
    """The number that the groups of REAL matched, without its sign; math.inf where it is too big.

    >>> magnitude(re.fullmatch(REAL, "-0x1.8p1", re.VERBOSE))
    3.0
    """
    if found["infinity"]:
        return math.inf
    if found["hexadecimal"]:
        try:
            return float.fromhex(found["hexadecimal"])
        except OverflowError:
            return math.inf
    return float(found["decimal"])
