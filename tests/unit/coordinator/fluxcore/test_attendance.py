# SPDX-License-Identifier: LGPL-3.0-or-later
"""A change waits for every rank that is online, or is refused."""

from collections.abc import Callable

from coordinator.core.events import Asked
from coordinator.core.members import Member, Members, MemberState
from coordinator.core.requests import ChangeRequest, FromFiles
from coordinator.core.results import Outcome
from coordinator.fluxcore.attendance import Attendance
from protocol import limits

CHANGE = Asked(-1, ChangeRequest(FromFiles(), "reload"))


class VirtualTime:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.time = 0.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> float:
        return self.time

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        self.due.append((moment, callback))

    def go(self, seconds: float) -> None:
        """Let time pass."""
        self.time += seconds
        for moment, callback in list(self.due):
            if moment <= self.time:
                callback()


class Hall:
    """What an attendance is asked by, and asks."""

    def __init__(self, *online: int) -> None:
        self.online, self.members = frozenset(online), Members()
        self.clock = VirtualTime()
        self.fed: list[Asked] = []
        self.refused: list[tuple[int, Outcome]] = []
        self.attendance = Attendance(
            self.clock, lambda: self.online, lambda: self.members, lambda: 7
        )
        self.attendance.feed = self.fed.append
        self.attendance.refuse = lambda client, outcome: self.refused.append((client, outcome))

    def join(self, rank: int) -> None:
        """This rank becomes a member."""
        self.members.add(Member(f"rank {rank}", MemberState.RUNNING, 0.0))
        self.attendance.look()


def test_nobody_is_missing() -> None:
    hall = Hall(0)
    hall.join(0)
    assert not hall.attendance.holds(CHANGE)


def test_it_waits_for_those_who_come() -> None:
    hall = Hall(0, 1)
    hall.join(0)
    assert hall.attendance.holds(CHANGE)
    assert hall.fed == []
    hall.join(1)
    assert hall.fed == [CHANGE]
    hall.clock.go(limits.RANK_JOIN_SECONDS)
    assert hall.refused == []


def test_it_is_refused_where_they_do_not_come() -> None:
    hall = Hall(0, 1)
    hall.join(0)
    assert hall.attendance.holds(CHANGE)
    hall.clock.go(limits.RANK_JOIN_SECONDS)
    [(client, outcome)] = hall.refused
    assert client == -1
    assert outcome.generation == 7
    assert [reason.module for reason in outcome.reasons] == ["rank 1"]
    assert hall.fed == []


def test_who_goes_offline_is_not_waited_for() -> None:
    hall = Hall(0, 1)
    hall.join(0)
    assert hall.attendance.holds(CHANGE)
    hall.online = frozenset({0})
    hall.attendance.look()
    assert hall.fed == [CHANGE]


def test_a_client_that_is_gone_is_forgotten() -> None:
    hall = Hall(0, 1)
    hall.join(0)
    assert hall.attendance.holds(CHANGE)
    hall.attendance.drop(-1)
    hall.join(1)
    assert hall.fed == []
