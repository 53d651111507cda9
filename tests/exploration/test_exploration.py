# SPDX-License-Identifier: LGPL-3.0-or-later
"""The small worlds are explored to the end; `make explore` has the large ones."""

import pytest

from tests.exploration.search import Search
from tests.exploration.worlds import SMALL

STATES = 30_000
"""More than any of them has: one that has more has begun to grow for ever."""


@pytest.mark.parametrize("name", SMALL)
def test_a_small_world_is_exhausted(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    report = Search(SMALL[name]).run(lambda states, _: states > STATES)
    with capsys.disabled():
        print(f"\n{report}", end="")
    assert report.broken is None, "\n\n".join([str(report.broken), *report.story])
    assert report.exhausted
    assert report.ends
