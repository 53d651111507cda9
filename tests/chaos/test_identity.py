# SPDX-License-Identifier: LGPL-3.0-or-later
"""Whose decision is it: brokers with other ledgers, one after another, behind the same socket.

Epochs and txids count within one ledger.  A service that is in doubt when its broker dies must not
take what another ledger calls by the same names for the decision that it waits for.
"""

import shutil

from tests.chaos import plans
from tests.chaos.broker import ChaosBroker
from tests.chaos.plans import Plan
from tests.support.patience import FAR, PATIENCE, until


def test_a_fresh_ledger_decides_no_doubt_of_another(unjudged_broker: ChaosBroker) -> None:
    """The old 1.2 was rejected by one of two; the new 1.2, of other content, is committed."""
    unjudged_broker.start()
    with unjudged_broker.attached("x", "y") as (x, _):
        unjudged_broker.write(y="refuse")
        plans.place(unjudged_broker.plans / "broker", Plan("before", title="Send", number=2))
        client = unjudged_broker.begin("config", "reload", "--timeout", FAR)
        unjudged_broker.wait_dead()
        client.communicate(timeout=PATIENCE)
        until(lambda: x.in_doubt, what="x has said yes and waits")
        rejected = unjudged_broker.wait_for_record("x", "accepted").digest
        _begin_another_ledger(unjudged_broker)
        unjudged_broker.start()
        for name in ("x", "y"):
            unjudged_broker.wait_for(name, "running")
        ran = [record.digest for record in unjudged_broker.diary_of() if record.what == "ran"]
        assert rejected not in ran, "what y had rejected is run"
        unjudged_broker.write()
        outcome = unjudged_broker.commits()
        assert x.in_doubt is None
        assert x.digest == outcome["digest"]


def _begin_another_ledger(unjudged_broker: ChaosBroker) -> None:
    """Where the participants cannot see it: a start (1.1) and one change (1.2)."""
    shutil.rmtree(unjudged_broker.statedir)
    unjudged_broker.statedir.mkdir(mode=0o700)
    here, unjudged_broker.rundir = unjudged_broker.rundir, unjudged_broker.root / "elsewhere"
    unjudged_broker.rundir.mkdir(mode=0o700)
    uri, unjudged_broker.uri = unjudged_broker.uri, f"local://{unjudged_broker.rundir}/local"
    unjudged_broker.write()
    unjudged_broker.start()
    unjudged_broker.write()
    unjudged_broker.commits()
    unjudged_broker.end()
    unjudged_broker.rundir, unjudged_broker.uri = here, uri


def test_a_restored_ledger_gives_no_name_out_twice(unjudged_broker: ChaosBroker) -> None:
    """A backup comes to the same epoch again; the changes in it are others all the same."""
    unjudged_broker.start()
    unjudged_broker.end()
    backup = unjudged_broker.root / "backup"
    shutil.copytree(unjudged_broker.statedir, backup)
    unjudged_broker.write()
    unjudged_broker.start()
    unjudged_broker.write()
    lost = unjudged_broker.commits()
    unjudged_broker.end()
    shutil.rmtree(unjudged_broker.statedir)
    shutil.copytree(backup, unjudged_broker.statedir)
    unjudged_broker.start()
    unjudged_broker.write()
    again = unjudged_broker.commits()
    assert lost["txid"] != again["txid"]
