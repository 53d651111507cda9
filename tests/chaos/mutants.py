# SPDX-License-Identifier: LGPL-3.0-or-later
"""Brokers that break a promise on purpose, so that it is seen that the judges would notice."""

from collections.abc import Callable

from coordinator.core.members import Member
from coordinator.core.operations.transaction import Transaction
from protocol.messages import Vote
from tests.chaos.power.writer import PLANTS


def _commit_on_refusal() -> None:
    honest = Transaction.voted

    def voted(self: Transaction, member: Member, vote: Vote) -> None:
        honest(self, member, vote._replace(yes=True, reasons=()))

    Transaction.voted = voted  # type: ignore[method-assign]


MUTANTS: dict[str, Callable[[], None]] = {
    "commit-on-refusal": _commit_on_refusal,
    "trusts-the-cache": PLANTS["trusts the cache"],
}
