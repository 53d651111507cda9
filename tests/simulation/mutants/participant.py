# SPDX-License-Identifier: LGPL-3.0-or-later
"""Bugs of a participant."""

from collections.abc import Callable
from typing import Any

from coordinator.core.state import SharedState
from participant.core.effects import Apply, Effect
from participant.core.machine import Participant
from protocol.messages import Admit, Commit, FromCoordinator, Prepare
from protocol.reasons import Reason
from protocol.transitions import ParticipantState
from tests.simulation.mutants.coordinator import no_life
from tests.simulation.mutants.patch import Mutant, Patch

Method = Callable[..., Any]
Effects = tuple[Effect, ...]


def _commit_of(machine: Participant) -> Commit | None:
    """The Commit that it is waiting for, made up."""
    if machine.in_doubt is None or machine.staged is None:
        return None
    request = machine.staged.request
    assert isinstance(request, Prepare)
    return Commit(machine.ledger, machine.epoch, request.txid, request.base + 1)


def _apply_at_prepare(right: Method) -> Method:
    def _judged(
        self: Participant, reasons: tuple[Reason, ...], warnings: tuple[Reason, ...]
    ) -> Effects:
        effects: Effects = right(self, reasons, warnings)
        commit = _commit_of(self)
        return effects if commit is None else (Apply(commit), *effects)

    return _judged


def _decides_alone(right: Method) -> Method:
    def _cut(self: Participant) -> Effects:
        commit = _commit_of(self)
        effects: Effects = right(self)
        return effects if commit is None else (*effects, *self._commit(commit))

    return _cut


def _ignores_epochs(right: Method) -> Method:
    def _heard(self: Participant, message: FromCoordinator) -> Effects:
        self.epoch = min(self.epoch, message.epoch)
        effects: Effects = right(self, message)
        return effects

    return _heard


def _stages_dry_runs(right: Method) -> Method:
    def _prepare(self: Participant, message: Prepare) -> Effects:
        effects: Effects = right(self, message._replace(dry_run=False))
        return effects

    return _prepare


def _same_is_never_checked(right: Method) -> Method:
    def _admit(self: Participant, message: Admit) -> Effects:
        if self.state is ParticipantState.IDLE and message.generation > self.generation:
            self.generation, self.digest = message.generation, message.digest
            return (self._applied(message.generation),)
        effects: Effects = right(self, message)
        return effects

    return _admit


def _commits_for_others(right: Method) -> Method:
    def _obeys(self: Participant, message: FromCoordinator) -> bool:
        return isinstance(message, Commit) or bool(right(self, message))

    return _obeys


def _any_session(right: Method) -> Method:
    def _obeys(self: Participant, message: FromCoordinator) -> bool:
        if isinstance(message, Admit):
            message = message._replace(session=self.session)
        return bool(right(self, message))

    return _obeys


def _one_count_of_epochs(right: Method) -> Method:
    def _obeys(self: Participant, message: FromCoordinator) -> bool:
        return message.epoch >= self.epoch and bool(right(self, message))

    return _obeys


PARTICIPANT: dict[str, Mutant] = {
    "apply-at-prepare": Mutant(
        "a candidate is taken into use with the yes to it",
        (Patch(Participant, "_judged", _apply_at_prepare),),
    ),
    "decides-alone": Mutant(
        "in doubt and cut off, a participant takes its yes for the decision",
        (Patch(Participant, "_cut", _decides_alone),),
    ),
    "epoch-ignored": Mutant(
        "coordinators of the past are obeyed",
        (Patch(Participant, "_heard", _ignores_epochs),),
    ),
    "dry-run-stages": Mutant(
        "what was only tried stays staged",
        (Patch(Participant, "_prepare", _stages_dry_runs),),
    ),
    "claims-what-it-is-offered": Mutant(
        "an admission is answered without anything being taken into use",
        (Patch(Participant, "_admit", _same_is_never_checked),),
    ),
    "commit-of-another-ledger": Mutant(
        "a Commit is obeyed whichever ledger it is of, and names no transaction of one alone",
        (
            Patch(Participant, "_obeys", _commits_for_others),
            Patch(SharedState, "next_txid", no_life),
        ),
    ),
    "admit-of-any-session": Mutant(
        "an Admit is obeyed that answers no Join of this connection",
        (Patch(Participant, "_obeys", _any_session),),
    ),
    "epoch-of-another-ledger": Mutant(
        "a lower epoch is not obeyed, though it is that of another ledger",
        (Patch(Participant, "_obeys", _one_count_of_epochs),),
    ),
}
