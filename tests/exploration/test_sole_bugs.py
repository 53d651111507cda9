# SPDX-License-Identifier: LGPL-3.0-or-later
"""Each promise is needed: for each there are bugs that its checker finds and all others do not.

But for patience, that no client waits for a deadline alone: many a bug ends there as well.
"""

import pytest

from tests.exploration.books import ALL
from tests.exploration.search import Search
from tests.exploration.sole_bugs import SOLE_BUGS
from tests.exploration.test_exploration import STATES
from tests.simulation.mutants.all import planted

NUMBERED = tuple(f"P{number}" for number in range(1, 10))


@pytest.mark.parametrize("name", SOLE_BUGS)
def test_one_promise_catches_it_and_no_other(name: str) -> None:
    bug = SOLE_BUGS[name]
    with planted(bug.mutant):
        alone = Search(bug.world, frozenset((bug.promise,))).run(lambda states, _: states > STATES)
        others = Search(bug.world, ALL - {bug.promise, "patience"}).run(
            lambda states, _: states > STATES
        )
    assert alone.broken is not None, f"{bug.promise} does not find: {bug.mutant.words}"
    assert alone.broken.promise == bug.promise
    assert others.broken is None, "\n\n".join([str(others.broken), *others.story])
    assert others.exhausted


@pytest.mark.parametrize("name", SOLE_BUGS)
def test_without_it_its_world_is_well(name: str) -> None:
    report = Search(SOLE_BUGS[name].world).run(lambda states, _: states > STATES)
    assert report.broken is None, "\n\n".join([str(report.broken), *report.story])
    assert report.exhausted


def test_three_for_each_promise() -> None:
    for promise in NUMBERED:
        assert sum(bug.promise == promise for bug in SOLE_BUGS.values()) >= 3, promise
