# SPDX-License-Identifier: LGPL-3.0-or-later
"""A change that a rank could not apply is taken back on all ranks, and the client is told so.

Modules of Flux that cannot be asked beforehand may refuse when they are told to apply.  Their rank
has gone back by itself then; here all the others follow, by a transaction like any other, to what
ran before.  Ranks that are gone are no reason: they get what is in force when they come back.
"""

from collections.abc import Callable

from coordinator.core.members import Members
from coordinator.core.requests import ChangeRequest, Earlier, Who
from coordinator.core.results import Outcome, Result
from coordinator.fluxcore.answers import UNDONE
from protocol import limits
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason

_UNDO = "undo"
_BACK = frozenset({Result.COMMITTED, Result.UNCHANGED})


class Undo:
    """Stands between the machine's answers and the clients."""

    def __init__(
        self,
        members: Callable[[], Members],
        ask: Callable[[ChangeRequest, Callable[[Outcome], None]], object],
        answer: Callable[[int, Outcome], None],
    ) -> None:
        self._members = members
        self._ask = ask
        self._answer = answer

    def takes(self, client: int, outcome: Outcome) -> bool:
        """Whether this answer waits for an undo, which is begun."""
        if outcome.result is not Result.PARTIAL or outcome.generation < 2:
            return False
        members = self._members()
        if not any(name in members for name in outcome.not_applied):
            return False
        first = str(outcome.reasons[0]) if outcome.reasons else ""
        request = ChangeRequest(
            Earlier(outcome.generation - 1),
            _UNDO,
            Who(command=f"undo of generation {outcome.generation}"),
            seconds=limits.PREPARE_SECONDS,
            message=f"undoes generation {outcome.generation}: {first}"[: limits.MESSAGE_LENGTH],
            if_generation=outcome.generation,
        )
        self._ask(request, lambda undone: self._answer(client, combined(outcome, undone)))
        return True


def combined(change: Outcome, undo: Outcome) -> Outcome:
    """What the client is told: the reasons of the change, and what came of the undo."""
    seconds = change.seconds + undo.seconds
    if undo.result in _BACK:
        told = Reason("config", f"{UNDONE}: all ranks run what ran before, now generation "
                                f"{undo.generation}", code=ReasonCode.NOT_APPLIED)  # fmt: skip
        return change._replace(result=Result.REFUSED, generation=undo.generation, seconds=seconds,
                               reasons=(*change.reasons, told), not_applied=(),
                               compared=None,
                               confirm=None)  # fmt: skip
    failed = Reason(
        "config",
        f"generation {change.generation} could not be undone",
        code=ReasonCode.NOT_APPLIED,
    )
    return change._replace(generation=undo.generation, seconds=seconds,
                           reasons=(*change.reasons, failed, *undo.reasons))  # fmt: skip
