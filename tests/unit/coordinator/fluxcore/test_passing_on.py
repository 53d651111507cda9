# SPDX-License-Identifier: LGPL-3.0-or-later
"""A rank's requests reach rank 0, whoever serves there in the end, or are answered in time."""

from collections.abc import Callable
from typing import Any, cast

from coordinator.fluxcore.passing_on import PassingOn
from coordinator.fluxcore.service import ConfigRequest
from fluxcore.handle import Failure, Flux
from protocol import limits
from tests.unit.coordinator.fluxcore.test_attendance import VirtualTime

LOAD = ConfigRequest("load", 0, "name.1")


class Line:
    """What Flux carries: requests to rank 0, answered when the test says so."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, Any], Callable[[Any], None]]] = []
        self.pings: list[Callable[[Any], None]] = []

    def ask(
        self, topic: str, payload: Any, then: Callable[[Any], None], rank: int, seconds: float
    ) -> None:
        """As `Flux.ask`."""
        if topic == "accord.ping":
            assert (rank, seconds) == (0, limits.AGENT_STILL_SECONDS)
            self.pings.append(then)
            return
        assert (topic, rank, seconds) == ("accord.change", 0, limits.PASSED_ON_SECONDS)
        self.sent.append((payload, then))


class Follower:
    """A rank, its clock, its line, and the answers."""

    def __init__(self) -> None:
        self.clock, self.line = VirtualTime(), Line()
        self.passing_on = PassingOn(cast(Flux, self.line), self.clock)
        self.answers: list[Failure | None] = []

    def ask(self, wanted: ConfigRequest = LOAD) -> None:
        """A request comes."""
        self.passing_on.change(wanted, self.answers.append)

    def told(self) -> str:
        """The text of the only answer."""
        (answer,) = self.answers
        assert answer is not None
        return answer.text


def test_an_answer_is_an_answer() -> None:
    rank = Follower()
    rank.ask()
    rank.line.sent[0][1]({})
    assert rank.answers == [None]


def test_a_new_coordinator_is_asked_again_and_the_old_one_s_answer_is_none() -> None:
    rank = Follower()
    rank.ask()
    rank.passing_on.coordinator_is_new()
    (first, old), (second, new) = rank.line.sent
    assert (first["again"], second["again"]) == (False, True)
    assert first["txid"] == second["txid"]
    old(Failure(110, "late"))
    assert not rank.answers
    new({})
    assert rank.answers == [None]


def test_nothing_is_sent_while_there_is_no_coordinator() -> None:
    rank = Follower()
    rank.passing_on.served(frozenset({1}))
    rank.ask()
    assert not rank.line.sent
    rank.passing_on.served(frozenset({0, 1}))
    ((fields, _),) = rank.line.sent
    assert fields["again"] is False


def test_who_waits_for_a_coordinator_that_does_not_come_back_is_told() -> None:
    rank = Follower()
    rank.ask()
    rank.passing_on.coordinator_is_gone()
    rank.clock.go(limits.AGENT_AWAY_SECONDS)
    assert rank.told().startswith("rank 0's agent is gone; it is not known")
    rank.answers.clear()
    rank.ask(LOAD._replace(txid="name.2"))
    rank.clock.go(limits.AGENT_AWAY_SECONDS)
    assert rank.told() == "rank 0's agent is gone; nothing changed"


def test_no_such_service_is_a_coordinator_that_is_gone() -> None:
    rank = Follower()
    rank.ask()
    rank.line.sent[0][1](Failure(38, "no service"))
    assert not rank.answers
    rank.passing_on.coordinator_is_new()
    rank.line.sent[1][1]({})
    assert rank.answers == [None]


def test_a_coordinator_that_is_silent_is_not_waited_for_for_ever() -> None:
    rank = Follower()
    rank.ask()
    rank.line.sent[0][1](Failure(110, "Connection timed out"))
    assert rank.told().startswith("rank 0 has not answered in time; it is not known")


def test_a_coordinator_that_stands_still_is_found_out() -> None:
    """It is asked whether it is there: a change may take its time. What came later has its own."""
    rank = Follower()
    rank.ask()
    rank.clock.go(limits.AGENT_PING_SECONDS)
    rank.line.pings[0]({"rank": 0})
    assert not rank.answers
    rank.clock.go(limits.AGENT_PING_SECONDS)
    rank.ask(LOAD._replace(txid="name.2"))
    rank.line.pings[-1](Failure(110, "Connection timed out"))
    assert rank.told() == (
        "rank 0's agent stands still; it is not known whether the change was made; "
        "`flux accord config history` will tell, by its txid name.1"
    )
    rank.line.sent[0][1]({})  # it has gone on: nobody waits for that
    assert len(rank.answers) == 1
    rank.line.sent[1][1]({})
    assert rank.answers[1] is None
    pings = len(rank.line.pings)
    rank.clock.go(limits.AGENT_PING_SECONDS)
    assert len(rank.line.pings) == pings
