# SPDX-License-Identifier: LGPL-3.0-or-later
"""Keys and units of `flux module stats`, for what several of Flux's modules tell.

The bundled modules know the configuration and do none of the work: what would be counted at work is
0, and stays 0, under the key that a script looks for.
"""

import math
from typing import Any, Final

NEVER: Final = -1.0
"""How Flux tells a time that is not limited: JSON has no infinity."""


def seconds(value: float | None) -> float:
    """A duration in seconds; NEVER for none and for infinity."""
    return NEVER if value is None or math.isinf(value) else value


def nothing_measured(zero: int | float = 0.0) -> dict[str, Any]:
    """What Flux tells of a series of measurements (libutil's tstat) before the first.

    `zero` is the least and the largest: an integer or a real, as the module has it.
    """
    return {"count": 0, "min": zero, "mean": 0.0, "stddev": 0.0, "max": zero}
