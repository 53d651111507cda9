# SPDX-License-Identifier: LGPL-3.0-or-later
"""Strict changes: what nobody reads is found out beside the votes, and awaited like one."""

from coordinator.core.effects import FindUnread
from coordinator.core.events import TimePassed, UnreadFound
from coordinator.core.requests import ChangeRequest, Replacement
from coordinator.core.results import Comparison, Outcome, Result
from protocol.reason_code import ReasonCode
from protocol.reasons import Reason
from tests.unit.coordinator.core.test_confirm import NEW, OLD, Desk

TYPO = (Reason("config", "unknown key", ("v",), code=ReasonCode.UNKNOWN_KEY),)


def asked(desk: Desk, strict: bool = True) -> Outcome | None:
    return desk.ask(ChangeRequest(Replacement(NEW), "load", seconds=5, strict=strict))


def look(desk: Desk) -> FindUnread:
    (effect,) = (effect for effect in desk.effects if isinstance(effect, FindUnread))
    return effect


def test_what_nobody_reads_refuses() -> None:
    desk = Desk()
    assert asked(desk) is None, "it is awaited"
    assert look(desk).compared == Comparison(OLD, NEW)
    desk.step(UnreadFound(look(desk).txid, TYPO))
    (outcome,) = desk.outcomes.values()
    assert (outcome.result, outcome.reasons) == (Result.REFUSED, TYPO)


def test_nothing_found_lets_it_pass() -> None:
    desk = Desk()
    asked(desk)
    desk.step(UnreadFound("another", TYPO))
    assert not desk.outcomes
    desk.step(UnreadFound(look(desk).txid, ()))
    (outcome,) = desk.outcomes.values()
    assert outcome.result is Result.COMMITTED


def test_what_is_not_strict_looks_for_nothing_and_waits_for_nothing() -> None:
    desk = Desk()
    outcome = asked(desk, strict=False)
    assert outcome is not None
    assert outcome.result is Result.COMMITTED
    assert not [effect for effect in desk.effects if isinstance(effect, FindUnread)]


def test_what_is_not_found_out_in_time_refuses() -> None:
    desk = Desk()
    asked(desk)
    desk.at(6.0)
    desk.step(TimePassed())
    (outcome,) = desk.outcomes.values()
    assert outcome.result is Result.REFUSED
    assert [reason.code for reason in outcome.reasons] == [ReasonCode.TIMEOUT]
    desk.step(UnreadFound(look(desk).txid, TYPO))
    assert len(desk.outcomes) == 1
