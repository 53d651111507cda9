# SPDX-License-Identifier: LGPL-3.0-or-later
"""An outcome as flux-core's commands show it: the text of an error response, one reason a line."""

from math import inf

from coordinator.core.results import Outcome, Result
from fluxcore.framing import name_of
from fluxcore.handle import Failure
from protocol.reasons import Reason, part_of

_EINVAL = 22
_DONE = frozenset({Result.COMMITTED, Result.UNCHANGED, Result.VALID})


def failure_of(outcome: Outcome, size: int) -> Failure | None:
    """Why a change was not made; None where it was.  `size` is that of the instance."""
    if outcome.result in _DONE:
        return None
    reasons = sorted(outcome.reasons, key=_rank)
    lines = [line_of(reason, size) for reason in reasons]
    if outcome.result is Result.PARTIAL or outcome.not_applied:
        lines.append(f"generation {outcome.generation} is in force, and was not applied everywhere")
    elif outcome.result is Result.REFUSED:
        lines.append(f"nothing changed; generation {outcome.generation} stays in force")
    return Failure(_EINVAL, "\n".join(lines))


def _rank(reason: Reason) -> float:
    """For sorting: the rank that the reason is of; what is of none comes last."""
    member = reason.module.partition(":")[0]
    number = member.removeprefix(name_of(0)[:-1])
    return int(number) if number.isdecimal() else inf


def line_of(reason: Reason, size: int) -> str:
    """`rank N: module: key: message (file:line)`; in an instance of one, without the rank."""
    line = str(reason)
    return line.removeprefix(part_of(name_of(0), "")) if size == 1 else line
