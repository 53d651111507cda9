# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every bug that is planted in the machines and in the ledger is found in a small world, too.

And where nothing is, nothing is found: `test_exploration`.
"""

from collections.abc import Callable

import pytest

from coordinator.core.decisions import Durable
from coordinator.core.members import Member, MemberState
from coordinator.core.membership import Membership
from coordinator.core.operation import Operation
from coordinator.core.operations.completion import Completion, CompletionInput
from coordinator.core.operations.take_back import TakeBack
from coordinator.core.state import FailedChange, SharedState
from tests.exploration.search import Search
from tests.exploration.test_exploration import STATES
from tests.exploration.worlds import SMALL, TWO
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
OF_PICTURES = frozenset(name for name in MUTANTS if name.startswith("picture-"))
"""Bugs of what is drawn of a change: nobody observes here, the simulation has a checker of them."""


@pytest.mark.parametrize("name", sorted(MUTANTS.keys() - OF_PICTURES))
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


def _nobody_looks(right: Callable[..., None]) -> Callable[..., None]:
    def advance(self: Completion) -> None:
        if not self.over:
            self._move(CompletionInput.ALL_RUN)
            self.shared.keep()

    return advance


def _back_to_something_else(right: Callable[..., None]) -> Callable[..., None]:
    def __init__(
        self: TakeBack, shared: SharedState, membership: Membership, failed: FailedChange
    ) -> None:
        elsewhere = failed.provisional._replace(before=TWO)
        right(self, shared, membership, failed._replace(provisional=elsewhere))

    return __init__


def _still_to_be_undone(right: Callable[..., None]) -> Callable[..., None]:
    def decide(self: SharedState, durable: Durable) -> None:
        failed = self.failed_change
        right(self, durable)
        self.failed_change = failed

    return decide


_ELSEWHERE = Mutant("an undo leads elsewhere", (
    Patch(TakeBack, "__init__", _back_to_something_else),))  # fmt: skip
_AFTER_ALL_THAT_WAITS = Mutant("an undo waits its turn, however long that takes", (
    *MUTANTS["undo-waits-its-turn"].patches,
    Patch(SharedState, "decide", _still_to_be_undone)))  # fmt: skip


def test_what_a_former_life_left_open_is_looked_at() -> None:
    bug = Mutant("a later life takes it that all could apply what is in force", (
        Patch(Completion, "advance", _nobody_looks),))  # fmt: skip
    with planted(bug):
        report = Search(SMALL["fails, crashes, fails"]).run(lambda states, _: states > STATES)
    assert report.broken is not None
    assert report.broken.promise == "liveness"
    assert "could not apply what is in force" in str(report.broken)


@pytest.mark.parametrize(
    ("bug", "why"),
    [
        (MUTANTS["failures-stand"], "stands, and a member could not apply it"),
        (_AFTER_ALL_THAT_WAITS, "something else came next"),
        (_ELSEWHERE, "what came next is not before"),
    ],
)
def test_what_undone_means_is_judged_by_itself(bug: Mutant, why: str) -> None:
    with planted(bug):
        search = Search(SMALL["fails, taken back"], frozenset(("undone",)))
        report = search.run(lambda states, _: states > STATES)
    assert report.broken is not None
    assert why in str(report.broken)


def test_a_violation_is_told_as_a_story() -> None:
    with mutated("lost-is-yes"):
        report = Search(SMALL["a death"]).run()
    assert report.broken is not None
    assert report.broken.promise == "P2"
    first, *_, last = report.story
    assert first.splitlines() == ["ask 1 load 1", "----", "send Prepare 1.2.l1 -> a",
                                  "send Prepare 1.2.l1 -> b"]  # fmt: skip
    assert last.splitlines()[-1].startswith("BROKEN P2: ")
