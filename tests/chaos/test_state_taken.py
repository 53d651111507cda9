# SPDX-License-Identifier: LGPL-3.0-or-later
"""The state directory taken away from a broker that lives: it says so, and promises nothing."""

from contextlib import suppress

import pytest

from cli.client import Trouble
from tests.chaos.broker import ChaosBroker


@pytest.mark.parametrize("name", ["ledger.sqlite", "ledger.sqlite-wal"])
def test_the_ledger_is_removed(broker: ChaosBroker, name: str) -> None:
    """SQLite writes on into the file without a name, and the next start would not find it."""
    broker.start()
    broker.write()
    kept = (broker.statedir / name).rename(broker.root / name)
    outcome = broker.reload()
    assert outcome["result"] == "refused"
    assert "was removed or replaced under this broker" in str(outcome["reasons"])
    kept.rename(broker.statedir / name)
    broker.commits()


def test_who_is_fenced_ends(broker: ChaosBroker) -> None:
    """Its lock was deleted, and another broker has opened the ledger: it would serve for ever."""
    broker.start()
    old = broker.process
    assert old is not None
    (broker.statedir / "lock").unlink()
    broker.process, broker.rundir = None, broker.root / "another"
    broker.rundir.mkdir(mode=0o700)
    uri, broker.uri = broker.uri, f"local://{broker.rundir}/local"
    broker.start()
    new, newer_uri = broker.process, broker.uri
    broker.process, broker.uri = old, uri
    broker.write()
    with suppress(Trouble):
        assert broker.reload()["result"] != "committed"
    assert broker.wait_dead() == 1
    assert "another broker has taken the state directory over" in broker.log_text()
    broker.process, broker.uri = new, newer_uri
    assert broker.reload()["result"] == "committed"
