# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who has applied a committed generation, and who will not.

They decide nothing, because the decision is on disk when the first of them arrives: they are for
the answer to the client, which names everybody who has not applied what is in force.
"""

from collections.abc import Iterable

from protocol.reason_code import ReasonCode
from protocol.reasons import Reason


class Acknowledgements:
    """One for each of these; it has applied the generation, or there is a reason why not."""

    def __init__(self, members: Iterable[str]) -> None:
        self._missing = set(members)
        self.not_applied: dict[str, Reason] = {}
        """Why, by name, in the order in which it became known."""

    def expect(self, member: str) -> None:
        """It is to apply the generation, too, without having voted on it."""
        if member not in self.not_applied:
            self._missing.add(member)

    def awaits(self, member: str) -> bool:
        """True if it has neither applied the generation nor failed to."""
        return member in self._missing

    def missing(self) -> frozenset[str]:
        """Those of whom nothing is known yet."""
        return frozenset(self._missing)

    def applied(self, member: str) -> None:
        """It runs the generation."""
        self._missing.discard(member)

    def failed(self, member: str, why: str, code: ReasonCode = ReasonCode.NOT_APPLIED) -> None:
        """It does not run the generation; what is known of a member first stays."""
        if member in self._missing:
            self._missing.remove(member)
            self.not_applied[member] = Reason(member, why, code=code)

    @property
    def complete(self) -> bool:
        """True if nothing more is to come."""
        return not self._missing
