# SPDX-License-Identifier: LGPL-3.0-or-later
"""Messages are counted by Flux's types: what answers another one is a response."""

from protocol.messages import Applied, Inquire, Leave, Report, Vote
from protocol.traffic import TYPES, nothing_yet, type_of


def test_what_answers_is_a_response() -> None:
    answers = (Vote(1, "a-1", "1.1", True), Applied(1, "a-1", 1, "", True), Report(1, "a-1", 1, ""))
    assert {type_of(message) for message in answers} == {"response"}


def test_what_begins_is_a_request() -> None:
    assert type_of(Leave(1, "a-1", "a")) == "request"
    assert type_of(Inquire("here", 1, 1)) == "request"


def test_counts_begin_at_nothing_and_are_nobody_elses() -> None:
    first = nothing_yet()
    assert first == {way: dict.fromkeys(TYPES, 0) for way in ("tx", "rx")}
    first["tx"]["request"] += 1
    assert nothing_yet()["tx"]["request"] == first["rx"]["request"] == 0
