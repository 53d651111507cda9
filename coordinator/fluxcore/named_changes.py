# SPDX-License-Identifier: LGPL-3.0-or-later
"""Whoever lost the answer to a change asks again by its name, and gets the true one.

The name is the txid.  A change that is under way, or was answered in this life, has its answer
here; what a former life decided is in the ledger, by the same name.  What is not there was aborted
(presumed abort): that is said, and it is not tried again, as it may be what its agent died of.
"""

from collections.abc import Callable

from coordinator.core.machine import Coordinator
from coordinator.core.members import MemberState
from coordinator.fluxcore.attendance import Attendance
from coordinator.fluxcore.service import Change, ConfigRequest, Then
from coordinator.runtime.loop import Timers
from fluxcore.handle import Failure
from protocol import limits

_EAGAIN, _EIO = 11, 5
_UNDO = "undo"


class NamedChanges:
    """Stands before the machine on rank 0, for clients of Flux on all ranks."""

    def __init__(
        self, machine: Coordinator, attendance: Attendance, timers: Timers, change: Change
    ) -> None:
        self._machine = machine
        self._attendance = attendance
        self._timers = timers
        self._change = change
        self._under_way: dict[str, list[Then]] = {}
        self._answers: dict[str, Failure | None] = {}
        self._settling: list[tuple[float, int, Then]] = []
        self._early: list[tuple[ConfigRequest, Then]] = []
        self._is_open = False

    def open(self) -> None:
        """The start is complete."""
        self._is_open = True
        early, self._early = self._early, []
        for wanted, then in early:
            self.ask(wanted, then)

    def ask(self, wanted: ConfigRequest, then: Then) -> Callable[[], None]:
        """Ask for a change, or what became of it."""
        txid = wanted.txid
        if not self._is_open:
            self._early.append((wanted, then))
        elif txid in self._under_way:
            self._under_way[txid].append(then)
        elif txid in self._answers:
            then(self._answers[txid])
        elif wanted.again or txid in self._machine.decided:
            self._recall(txid, then)
        else:
            return self._ask(wanted, then)
        return _nothing

    def _ask(self, wanted: ConfigRequest, then: Then) -> Callable[[], None]:
        txid = wanted.txid
        self._under_way[txid] = [then]

        def answered(failure: Failure | None) -> None:
            self._answers[txid] = failure
            if len(self._answers) > limits.DECISIONS_KNOWN:
                del self._answers[next(iter(self._answers))]
            for waits in self._under_way.pop(txid):
                waits(failure)

        return self._change(wanted, answered)

    # What a former life has decided

    def _recall(self, txid: str, then: Then) -> None:
        receipt = self._machine.decided.get(txid)
        if receipt is None:
            now = self._machine.generation
            then(Failure(_EAGAIN, f"the agent died while it was asked\nnothing changed; generation "
                                  f"{now} stays in force; ask again"))  # fmt: skip
            return
        until = self._timers.now() + limits.RANK_JOIN_SECONDS
        self._settling.append((until, receipt.generation, then))
        self._timers.call_at(until, self.look)
        self.look()

    def look(self) -> None:
        """Those who asked what became of a decision are told when all ranks run it."""
        if not self._settling:
            return
        settling, self._settling = self._settling, []
        now, settled = self._timers.now(), self._is_settled()
        for until, generation, then in settling:
            if self._is_undone(generation):
                then(Failure(_EIO, f"the agent died while it was asked\nundone: generation "
                                   f"{generation + 1} is what ran before"))  # fmt: skip
            elif settled:
                then(None)
            elif until <= now and not self._machine.is_provisional:
                told = f"generation {generation} was committed, and was not applied everywhere"
                then(Failure(_EIO, f"the agent died while it was asked\n{told}"))
            else:
                self._settling.append((until, generation, then))

    def _is_undone(self, generation: int) -> bool:
        """Whether what followed that generation was its undo."""
        last = self._machine.running
        return (
            last is not None and last.generation == generation + 1 and (last.decision.verb == _UNDO)
        )

    def _is_settled(self) -> bool:
        """Whether all ranks run what is in force."""
        machine = self._machine
        if machine.is_provisional or self._attendance.missing():
            return False
        return all(
            member.state is MemberState.RUNNING and member.generation == machine.generation
            for member in machine.members
        )


def _nothing() -> None:
    """It cannot be withdrawn."""
