# SPDX-License-Identifier: LGPL-3.0-or-later
"""Bugs of what is drawn of a change."""

from collections.abc import Callable, Iterable
from typing import Any

from coordinator.observation.timelines import MemberMoments, Timelines
from tests.simulation.mutants.patch import Mutant, Patch

Method = Callable[..., Any]


def _any_vote_counts(right: Method) -> Method:
    def voted(self: Timelines, txid: str, name: str, yes: bool) -> None:
        current = self._current
        right(self, txid if current is None else current.txid, name, yes)

    return voted


def _all_have_applied(_: Method) -> Method:
    def not_applied(self: Timelines, names: Iterable[str]) -> None:
        """Nothing."""

    return not_applied


def _whoever_answered_has_applied(_: object) -> Any:
    def settle(member: MemberMoments, missing: bool) -> None:
        member.ok = not missing and (member.applied is not None or member.ok)

    return staticmethod(settle)


OBSERVER: dict[str, Mutant] = {
    "picture-of-a-late-vote": Mutant(
        "a vote on an earlier change is drawn as one on this",
        (Patch(Timelines, "voted", _any_vote_counts),),
    ),
    "picture-of-the-declined": Mutant(
        "who declines what it is admitted to is drawn as one that has applied it",
        (Patch(Timelines, "_settle", _whoever_answered_has_applied),),
    ),
    "picture-without-the-missing": Mutant(
        "who has not applied a change is not drawn so",
        (Patch(Timelines, "not_applied", _all_have_applied),),
    ),
}
