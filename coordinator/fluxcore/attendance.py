# SPDX-License-Identifier: LGPL-3.0-or-later
"""Nobody is passed over: a change waits for every rank that is online, or is refused.

A rank whose agent has died still runs modules, and nobody could ask them.  Ranks whose agents are
just starting are waited for, for a short time.
"""

from collections.abc import Callable

from coordinator.core.events import Asked
from coordinator.core.members import Members
from coordinator.core.results import Outcome, Result
from coordinator.runtime.loop import Timers
from fluxcore.framing import name_of
from protocol import limits
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason


class Attendance:
    """Holds requests back until every rank that is online is a member."""

    def __init__(
        self,
        timers: Timers,
        online: Callable[[], frozenset[int]],
        members: Callable[[], Members],
        generation: Callable[[], int],
    ) -> None:
        self._timers = timers
        self._online = online
        self._members = members
        self._generation = generation
        self._held: list[tuple[float, Asked]] = []
        self.feed: Callable[[Asked], None] = _nowhere
        self.refuse: Callable[[int, Outcome], None] = _nobody

    def missing(self) -> list[int]:
        """Ranks that are online, and are no members."""
        members = self._members()
        return [rank for rank in sorted(self._online()) if name_of(rank) not in members]

    def holds(self, event: Asked) -> bool:
        """Whether it is held back here; else it may go on at once."""
        if not self._held and not self.missing():
            return False
        until = self._timers.now() + min(limits.RANK_JOIN_SECONDS, event.request.seconds)
        self._held.append((until, event))
        self._timers.call_at(until, self.look)
        return True

    def drop(self, client: int) -> None:
        """This client is gone."""
        self._held = [(until, event) for until, event in self._held if event.client != client]

    def look(self) -> None:
        """Let those go on who wait, or refuse those who have waited for long enough."""
        if not self._held:
            return
        missing = self.missing()
        if not missing:
            held, self._held = self._held, []
            for _, event in held:
                self.feed(event)
            return
        now = self._timers.now()
        late = [event for until, event in self._held if until <= now]
        self._held = [(until, event) for until, event in self._held if until > now]
        for event in late:
            self.refuse(event.client, self._outcome(missing))

    def _outcome(self, missing: list[int]) -> Outcome:
        why = "no agent serves there, so that its modules cannot be asked; `flux accord up`"
        reasons = tuple(
            Reason(name_of(rank), why, code=ReasonCode.FAILED_MEMBER) for rank in missing
        )
        return Outcome(Result.REFUSED, self._generation(), reasons=reasons)


def _nowhere(_: Asked) -> None:
    """Not wired yet."""


def _nobody(_: int, __: Outcome) -> None:
    """Not wired yet."""
