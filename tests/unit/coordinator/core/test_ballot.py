# SPDX-License-Identifier: LGPL-3.0-or-later
"""All yes and nobody missing, or not; and who has applied what was decided."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from coordinator.core.acknowledgements import Acknowledgements
from coordinator.core.ballot import Ballot

CASES = tomllib.loads((Path(__file__).parent / "data" / "ballots.toml").read_text())


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_votes_come_to(case: dict[str, Any]) -> None:
    ballot = Ballot(case["voters"])
    tallies = [ballot.tally().name.lower()]
    for vote in case["votes"]:
        voter, how = vote[:-1], vote[-1]
        if how == "!":
            ballot.strike(voter)
        elif how == "~":
            ballot.excuse(voter)
        else:
            ballot.record(voter, how == "+")
        tallies.append(ballot.tally().name.lower())
    assert tallies == case["tallies"]
    assert ballot.missing() == set(case.get("missing", ()))


def test_only_a_voter_can_be_struck() -> None:
    with pytest.raises(AssertionError):
        Ballot(["a"]).strike("x")


def test_whoever_had_no_vote_is_expected_to_apply_it_too() -> None:
    found = Acknowledgements(["a", "b"])
    found.failed("b", "died")
    for name in ("b", "c"):
        found.expect(name)
    assert found.missing() == {"a", "c"}, "what is known of b stays"


def test_everybody_who_has_not_applied_is_named_with_the_first_reason() -> None:
    found = Acknowledgements(["a", "b", "c"])
    found.failed("b", "died")
    found.failed("b", "failed later, too")
    found.applied("b")
    found.applied("a")
    assert not found.complete
    assert found.missing() == {"c"}
    found.failed("c", "hangs")
    assert found.complete
    assert [str(reason) for reason in found.not_applied.values()] == ["b: died", "c: hangs"]


def test_what_was_applied_stays_applied() -> None:
    found = Acknowledgements(["a"])
    found.applied("a")
    found.failed("a", "died afterwards")
    assert found.complete
    assert not found.not_applied
