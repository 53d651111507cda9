# SPDX-License-Identifier: LGPL-3.0-or-later
"""The machine as such: what is read of it, and what it makes of messages that fit nothing."""

import pytest

from coordinator.core.decisions import Provisional
from coordinator.core.machine import Coordinator
from tests.support.stage import OLD, ran


def test_one_that_has_not_begun_can_be_read() -> None:
    machine = Coordinator(4, ledger="here")
    assert (machine.epoch, machine.generation, machine.running) == (4, 0, None)
    assert (machine.decided, machine.waiting, machine.refused_start) == ({}, 0, ())
    assert (machine.unconfirmed, machine.transaction) == (None, None)
    assert not machine.is_provisional
    assert len(machine.members) == 0


def test_what_the_ledger_has_is_known_before_it_begins() -> None:
    last = ran()
    machine = Coordinator(4, last, {last.receipt.txid: last.receipt}, ledger="here")
    assert (machine.generation, machine.running) == (last.generation, last)
    assert machine.decided == {last.receipt.txid: last.receipt}


@pytest.mark.parametrize("undoes", [True, False])
def test_what_a_former_life_may_have_had_to_undo_concerns_one_that_undoes(undoes: bool) -> None:
    last = ran()
    machine = Coordinator(
        2, last, {last.receipt.txid: last.receipt}, ledger="here", undo_failures=undoes,
        provisional=Provisional(last.generation, OLD),
    )  # fmt: skip
    assert machine.is_provisional == undoes
