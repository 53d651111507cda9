# SPDX-License-Identifier: LGPL-3.0-or-later
"""The state of a broker as its service manager sees it, drawn from the machine's."""

from collections.abc import Iterator

from coordinator.core.machine import Coordinator
from coordinator.core.members import Member, MemberState
from coordinator.core.results import Outcome, Result
from coordinator.service.interface import ServiceState
from protocol import limits

BY_SIGNAL = 0
"""The client that a signal is to the machine; those on a socket are counted from 1."""

_ONE_AT_WORK_AND_ONE_WAITING = 2
_WELL = frozenset({MemberState.RUNNING, MemberState.LEAVING})


class ServiceView:
    """Looks at a machine after its steps, and counts the reloads."""

    def __init__(self, machine: Coordinator) -> None:
        self._machine = machine
        self._reloads = 0
        self._by_signal = 0
        self._seen = ""
        self._client: int | None = None
        """Who waits for the reload by command that was seen last."""
        self._refusal = ""
        self._refused_on = 0

    def signalled(self) -> bool:
        """A signal asks for a reload: it has begun, though it may wait for its turn.

        Returns False where one waits already, which will do for both.
        """
        self._reloads += 1
        if self._by_signal >= _ONE_AT_WORK_AND_ONE_WAITING:
            return False
        self._by_signal += 1
        return True

    def answered(self, client: int, outcome: Outcome | None) -> None:
        """A client, or a signal (BY_SIGNAL), has its answer; None: it is no outcome of a change."""
        if client == BY_SIGNAL:
            self._by_signal -= 1
        elif client != self._client:
            return
        else:
            self._client = None  # what it asks next is something else
        if outcome is not None:
            refused = outcome.result is Result.REFUSED and outcome.reasons
            self._refusal = str(outcome.reasons[0]) if refused else ""
            self._refused_on = self._machine.generation

    def state(self, ready: bool, absent: tuple[str, ...] = (), failure: str = "") -> ServiceState:
        """What can be told now.

        `absent`: voters of the last generation that are missed; `failure`: why the broker ends.
        """
        machine = self._machine
        reloading = self._transaction_of_a_client()
        if reloading and reloading != self._seen:
            self._reloads += 1
            self._seen = reloading
        if self._refused_on != machine.generation:
            self._refusal = ""  # what was refused is not what was asked for last
        return ServiceState(
            ready=ready,
            reloads=self._reloads,
            reloading=bool(reloading) or self._by_signal > 0,
            stopping=machine.stopping_until is not None,
            status=self._status(ready, absent, failure)[: limits.STATUS_LENGTH],
        )

    def _transaction_of_a_client(self) -> str:
        """The txid of the reload by command that is in progress; those by signal are counted."""
        change = self._machine.transaction
        if change is None or change.outcome is not None or change.client == BY_SIGNAL:
            return ""
        request = change.request
        if request.verb != "reload" or request.dry_run:
            return ""
        if change.client is not None:
            self._client = change.client
        return change.txid

    def _status(self, ready: bool, absent: tuple[str, ...], failure: str) -> str:
        machine = self._machine
        if failure:
            return failure
        if machine.stopping_until is not None:
            return "stopping"
        members = list(machine.members)
        if not ready:
            late = [member.name for member in members if member.state is not MemberState.RUNNING]
            return f"starting; awaited: {', '.join(late)}" if late else "starting"
        running = sum(member.state is MemberState.RUNNING for member in members)
        text = f"generation {machine.generation}, {running} module{'s' if running != 1 else ''}"
        here = {member.name for member in members}
        missed = [name for name in absent if name not in here]
        wrong = list(_troubles(machine, members, missed))
        if self._refusal:
            wrong.insert(0, f"the last reload was refused: {self._refusal}")
        return "; ".join((text, *wrong))


def _troubles(machine: Coordinator, members: list[Member], absent: list[str]) -> Iterator[str]:
    """What is not as it should be, the worst first."""
    if machine.refused_start:
        yield f"the files were refused at the start: {machine.refused_start[0]}"
    for member in members:
        if member.state not in _WELL:
            yield f"{member.name} is {member.state}" + (f" ({member.why})" if member.why else "")
        elif member.state is MemberState.RUNNING and member.generation != machine.generation:
            yield f"{member.name} runs generation {member.generation}"
    if absent:
        yield f"missed: {', '.join(absent)}"
    if machine.unconfirmed is not None:
        yield f"generation {machine.unconfirmed.generation} is not confirmed"
