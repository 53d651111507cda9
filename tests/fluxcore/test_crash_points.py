# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every point between two effects of an agent is a point at which it may die."""

import signal

import pytest

from tests.chaos.campaign import Tally, points
from tests.chaos.plans import Plan
from tests.fluxcore.campaign import Campaign
from tests.fluxcore.instance import Instance

pytestmark = pytest.mark.timeout(1800)

CASES = {
    "coordinator, asked on rank 0": (0, 0, False),
    "coordinator, asked on rank 1": (0, 1, False),
    "coordinator, refused": (0, 1, True),
    "follower, asked on rank 0": (1, 0, False),
    "follower, asked there": (1, 1, False),
    "follower, refused": (1, 0, True),
}


@pytest.mark.parametrize("title", CASES)
def test_an_agent_is_killed_in_a_change(instance: Instance, title: str) -> None:
    rank, asked_on, refused = CASES[title]
    campaign, tally = Campaign(instance), Tally(title)
    for plan in points(signal.SIGKILL):
        if not campaign.strike(plan, tally, rank, asked_on, refused):
            break
    print(tally)
    assert len(tally.struck) >= (10 if rank == 0 else 4)
    assert tally.violations == []


@pytest.mark.parametrize("rank", [0, 1])
def test_an_agent_is_stopped_for_a_while_in_a_change(instance: Instance, rank: int) -> None:
    campaign, tally = Campaign(instance), Tally(f"agent of rank {rank} stopped")
    for plan in points(signal.SIGSTOP):
        if not campaign.strike(plan, tally, rank, 1, False):
            break
    print(tally)
    assert len(tally.struck) >= 4
    assert tally.violations == []


def test_killed_after_the_decision_it_finishes_the_change(instance: Instance) -> None:
    campaign, tally = Campaign(instance), Tally("after the decision")
    assert campaign.strike(Plan("after", 1, "Decision"), tally, 0, 0, False)
    assert campaign.strike(Plan("after", 1, "Decision"), tally, 0, 2, False)
    assert tally.struck == ["after Decision"] * 2
    assert tally.violations == []
    assert campaign.last.status == 0, campaign.last
    assert campaign.in_force == campaign.asked


def test_the_judge_sees_an_agent_that_says_committed(instance: Instance) -> None:
    campaign, tally = Campaign(instance, "says committed"), Tally("betrayed")
    assert campaign.strike(Plan("before", 1, "Decision"), tally, 0, 1, False)
    assert any("was told that" in text for text in tally.violations), tally.violations


def test_the_judge_sees_an_agent_that_runs_what_is_asked(instance: Instance) -> None:
    campaign, tally = Campaign(instance, "runs what is asked"), Tally("betrayed")
    assert campaign.strike(Plan("after", 1, "Validate"), tally, 1, 0, True)
    assert any("which is not in the ledger" in text for text in tally.violations), tally.violations
