# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a module's process answers to Inquire: its author's stats, or what it has used.

Keys and units of usage are those of Flux's `NAME.rusage` (src/common/libflux/method.c): seconds,
kilobytes and counts, as in getrusage(2).
"""

import json
import resource
from collections.abc import Callable
from typing import Any, Final

from protocol.messages import Question

_FIELDS: Final = (
    "utime", "stime", "maxrss", "ixrss", "idrss", "isrss", "minflt", "majflt", "nswap", "inblock",
    "oublock", "msgsnd", "msgrcv", "nsignals", "nvcsw", "nivcsw",
)  # fmt: skip
_WHOSE: Final = {
    Question.RUSAGE_SELF: resource.RUSAGE_SELF,
    Question.RUSAGE_CHILDREN: resource.RUSAGE_CHILDREN,
    Question.RUSAGE_THREAD: resource.RUSAGE_THREAD,
}


def answer(
    question: Question, stats: Callable[[], dict[str, Any]], clear: Callable[[], None]
) -> str:
    """The answer as JSON text.  Whatever `stats` and `clear` raise passes through."""
    if question in _WHOSE:
        return json.dumps(usage(_WHOSE[question]))
    if question is Question.CLEAR:
        clear()
        return "{}"
    return json.dumps(stats(), default=str)


def usage(whose: int) -> dict[str, float]:
    """What getrusage(2) says of RUSAGE_SELF, RUSAGE_CHILDREN or RUSAGE_THREAD, by Flux's names."""
    told = resource.getrusage(whose)
    return {name: getattr(told, f"ru_{name}") for name in _FIELDS}
