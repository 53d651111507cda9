# SPDX-License-Identifier: LGPL-3.0-or-later
"""Seeds for about three quarters of a minute: every promise holds in every one of them."""

import os
import time

import pytest

from tests.simulation.campaign import Campaign, Total
from tests.simulation.ledger import MemoryStore
from tests.simulation.report import story_of
from tests.simulation.run import MakeStore, run
from tests.simulation.sqlite_store import SqliteStore

SECONDS = 35.0
REAL_LEDGER_SECONDS = 8.0


def _run(store: MakeStore, seconds: float) -> Total:
    campaign = Campaign(store, jobs=os.cpu_count() or 1)
    until = time.monotonic() + seconds
    return campaign.run(0, 10_000_000, enough=lambda _: time.monotonic() > until)


def _check(total: Total, store: MakeStore) -> None:
    if total.failing is not None:
        pytest.fail(story_of(run(total.failing, make_store=store), store), pytrace=False)
    assert total.seeds > 0
    assert total.violations == 0


def test_promises_hold(capsys: pytest.CaptureFixture[str]) -> None:
    total = _run(MemoryStore, SECONDS)
    with capsys.disabled():
        print(f"\nsimulation: {total}")
    _check(total, MemoryStore)


def test_promises_hold_on_the_real_ledger(capsys: pytest.CaptureFixture[str]) -> None:
    total = _run(SqliteStore, REAL_LEDGER_SECONDS)
    with capsys.disabled():
        print(f"\nsimulation on SQLite: {total}")
    _check(total, SqliteStore)


@pytest.mark.parametrize("seed", [1, 7, 42, 1000])
def test_a_seed_replays_identically(seed: int) -> None:
    assert run(seed).trace.digest() == run(seed).trace.digest()
