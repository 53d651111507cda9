# SPDX-License-Identifier: LGPL-3.0-or-later
"""A step that is in no table does not happen."""

import pytest

from protocol.transitions import TRANSACTION, Forbidden, TransactionInput, TransactionState


def test_a_step_that_is_in_no_table_is_a_fault_that_names_it() -> None:
    with pytest.raises(Forbidden, match=r"FORCED.*COMMITTED"):
        TRANSACTION[TransactionState.COMMITTED, TransactionInput.FORCED]


def test_a_step_that_is_in_it_leads_on() -> None:
    after = TRANSACTION[TransactionState.FORCING, TransactionInput.FORCED]
    assert after is TransactionState.COMMITTING
