# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every bug that is planted in the machines and in the ledger is found in a small world, too.

And where nothing is, nothing is found: `test_exploration`.
"""

from collections.abc import Callable

import pytest

from coordinator.core.members import Member, MemberState
from coordinator.core.membership import Membership
from coordinator.core.operation import Operation
from tests.exploration.search import Search
from tests.exploration.test_exploration import STATES
from tests.exploration.worlds import SMALL
from tests.simulation.mutants.all import MUTANTS, mutated, planted
from tests.simulation.mutants.patch import Mutant, Patch

WHERE = {
    "warnings-lost": "warnings",
    "falls-back-once": "falls back",
    "commit-before-durable": "breaks, undone",
    "commit-on-majority": "three, a no",
    "late-vote-counts": "slow",
    "join-in-mid-transaction": "a leave",
    "presumed-commit": "fsync fails",
    "slow-voter-not-told": "a hang",
    "lost-is-yes": "module reload",
    "no-deadline": "slow",
    "shown-too-early": "slow",
    "old-incarnation-heard": "cut in doubt",
    "latecomers-stay-behind": "taken over",
    "way-back-asks-everybody": "breaks, undone",
    "objectors-excused": "rollback",
    "green-after-red": "the same again",
    "undo-forgotten": "trial and crash",
    "failures-stand": "fails, taken back, attached",
    "provisional-forgotten": "fails, and a crash",
    "undo-waits-its-turn": "fails, taken back",
    "undone-to-itself": "fails, taken back, attached",
    "txid-without-life": "ledger restored",
    "doubt-of-another-ledger": "ledger lost",
    "refuses-by-another-epoch": "ledger lost",
    "apply-at-prepare": "slow",
    "decides-alone": "crash in doubt",
    "epoch-ignored": "stale words",
    "dry-run-stages": "a dry run",
    "claims-what-it-is-offered": "slow",
    "commit-of-another-ledger": "ledger restored",
    "admit-of-any-session": "ledger lost, stale words",
    "epoch-of-another-ledger": "ledger lost",
    "answer-before-disk": "falls back",
    "fence-down": "taken over",
    "generation-reused": "falls back",
    "epoch-reused": "falls back",
}
"""The world in which each is found soon."""


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_planted_bug_is_found(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with mutated(name):
        report = Search(SMALL[WHERE[name]]).run(lambda states, _: states > STATES)
    assert report.broken is not None, f"nobody has found: {MUTANTS[name].words}"
    with capsys.disabled():
        print(f"\n{name}: {report.states} states; {report.broken}", end="")


def _fails_for_ever(right: Callable[..., None]) -> Callable[..., None]:
    def _settle(self: Membership, member: Member, operation: Operation) -> None:
        if member.state is not MemberState.FAILED:
            right(self, member, operation)

    return _settle


def test_one_that_has_failed_and_runs_what_is_in_force_is_a_member() -> None:
    """The bug that exploration found: it was shown as failed, and refused every change."""
    bug = Mutant("who has broken over one generation stays so", (
        Patch(Membership, "_settle", _fails_for_ever),))  # fmt: skip
    with planted(bug):
        report = Search(SMALL["breaks, and catches up"]).run(lambda states, _: states > STATES)
    assert report.broken is not None
    assert report.broken.promise == "liveness"


def test_a_violation_is_told_as_a_story() -> None:
    with mutated("lost-is-yes"):
        report = Search(SMALL["a death"]).run()
    assert report.broken is not None
    assert report.broken.promise == "P2"
    first, *_, last = report.story
    assert first.splitlines() == ["ask 1 load 1", "----", "send Prepare 1.2.l1 -> a",
                                  "send Prepare 1.2.l1 -> b"]  # fmt: skip
    assert last.splitlines()[-1].startswith("BROKEN P2: ")
