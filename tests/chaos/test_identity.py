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


def test_a_fresh_ledger_decides_no_doubt_of_another(den: ChaosBroker) -> None:
    """The old 1.2 was rejected by one of two; the new 1.2, of other content, is committed."""
    den.start()
    with den.attached("x", "y") as (x, _):
        den.write(y="refuse")
        plans.place(den.plans / "broker", Plan("before", title="Send", number=2))
        client = den.begin("config", "reload", "--timeout", FAR)
        den.wait_dead()
        client.communicate(timeout=PATIENCE)
        until(lambda: x.in_doubt, what="x has said yes and waits")
        rejected = den.wait_for_record("x", "accepted").digest
        _begin_another_ledger(den)
        den.start()
        for name in ("x", "y"):
            den.wait_for(name, "running")
        ran = [one.digest for one in den.diary_of() if one.what == "ran"]
        assert rejected not in ran, "what y had rejected is run"
        den.write()
        outcome = den.commits()
        assert x.in_doubt is None
        assert x.digest == outcome["digest"]


def _begin_another_ledger(den: ChaosBroker) -> None:
    """Where the participants cannot see it: a start (1.1) and one change (1.2)."""
    shutil.rmtree(den.statedir)
    den.statedir.mkdir(mode=0o700)
    here, den.rundir = den.rundir, den.root / "elsewhere"
    den.rundir.mkdir(mode=0o700)
    uri, den.uri = den.uri, f"local://{den.rundir}/local"
    den.write()
    den.start()
    den.write()
    den.commits()
    den.end()
    den.rundir, den.uri = here, uri


def test_a_restored_ledger_gives_no_name_out_twice(den: ChaosBroker) -> None:
    """A backup comes to the same epoch again; the changes in it are others all the same."""
    den.start()
    den.end()
    backup = den.root / "backup"
    shutil.copytree(den.statedir, backup)
    den.write()
    den.start()
    den.write()
    lost = den.commits()
    den.end()
    shutil.rmtree(den.statedir)
    shutil.copytree(backup, den.statedir)
    den.start()
    den.write()
    again = den.commits()
    assert lost["txid"] != again["txid"]
