# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the ledger keeps of an undo is read again as the reason for it."""

from coordinator.core.operations.undo_reason import not_applied, not_confirmed, why_undone
from protocol import limits


def test_the_reason_of_the_member_is_read_again() -> None:
    assert why_undone(4, not_applied(4, "kvs: no space left")) == "kvs: no space left"


def test_without_one_it_is_said_that_a_member_could_not() -> None:
    assert why_undone(4, not_applied(4, "")) == "a member could not apply it"


def test_what_was_not_confirmed_is_told_from_that() -> None:
    assert why_undone(4, not_confirmed(4)) == "nobody confirmed it"


def test_a_message_is_no_longer_than_is_allowed_and_still_read() -> None:
    message = not_applied(4, "x" * limits.MESSAGE_LENGTH)
    assert len(message) == limits.MESSAGE_LENGTH
    assert set(why_undone(4, message)) == {"x"}
