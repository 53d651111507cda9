# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a change has changed, or would: the keys, whose they are, and what is left to do.

Most of it is found while the members vote, when the broker has nothing else to do.  No secret is in
it, not even for the owner, because answers end up in the logs of whatever makes changes.

What nobody reads of a generation is in the history, too, with what modules warned of: it is written
there when the answer is made.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from coordinator.api import module_status
from coordinator.api.fields import Fields
from coordinator.api.handle import BrokerHandle
from coordinator.api.outcome import as_json
from coordinator.api.secret_places import SecretPlaces, Secrets
from coordinator.comparison.differences import ABSENT, Difference, differences
from coordinator.comparison.readers import Reader, reader_of, readers_by_table
from coordinator.comparison.unread import unread
from coordinator.core.members import Member
from coordinator.core.results import Comparison, Outcome, Result
from coordinator.files.provenance import Provenance, located
from protocol import limits
from protocol.keys import Path
from protocol.reasons import Reason

_AT_ONCE_BYTES: Final = limits.MERGE_IN_LOOP_BYTES
"""Configurations that are shorter, together, are compared in the loop: no thread is woken."""

_DECIDED: Final = frozenset({Result.COMMITTED, Result.PARTIAL})


class _Whole(NamedTuple):
    """An answer, and what is in it that no module said."""

    answer: Fields
    nobody_reads: tuple[Reason, ...]


class _Roster:
    """The modules at one moment; for use in any thread."""

    def __init__(self, members: Iterable[Member]) -> None:
        self.told = [(member.name, member.description, member.report) for member in members]

    def descriptions(self) -> list[tuple[str, str]]:
        """What each says that it reads."""
        return [(name, description) for name, description, _ in self.told]

    def readers(self) -> list[Reader | None]:
        """Each of them, None for one that does not tell what it reads."""
        return [reader_of(name, description) for name, description, _ in self.told]


class _Waiting:
    """Who takes a new value only when it is loaded again."""

    def __init__(self, roster: _Roster) -> None:
        self._reports = {name: report for name, _, report in roster.told}
        self._in_force: dict[str, dict[Path, Any]] = {}

    def among(self, having: Iterable[Reader], change: Difference) -> list[str]:
        """The names of those of the readers of a key."""
        return [reader.name for reader in having if self._waits(reader, change)]

    def _waits(self, reader: Reader, change: Difference) -> bool:
        if not reader.find(change.key).restart:
            return False
        if reader.name not in self._in_force:
            report = self._reports[reader.name]
            self._in_force[reader.name] = module_status.in_force(reader, report)
        known = self._in_force[reader.name]
        return change.new is ABSENT or known.get(change.key, ABSENT) != change.new


class _Findings(NamedTuple):
    """What can be said of a change as soon as it is known, whatever comes of it."""

    compared: Comparison
    told: list[tuple[str, str]]
    """Names and descriptions of the modules that it was found with."""
    changes: list[Difference]
    readers: list[Reader | None]
    unread: tuple[Reason, ...]
    """Keys that nobody reads, each with its place."""

    def holds(self, compared: Comparison, roster: _Roster) -> bool:
        """Whether it is about this change, and the modules are those that it was found with."""
        return self.compared is compared and self.told == roster.descriptions()


class ChangedKeys:
    """Makes the answer to a change."""

    def __init__(self, broker: BrokerHandle, secrets: SecretPlaces) -> None:
        self._broker = broker
        self._secrets = secrets
        self._foreseen: _Findings | None = None

    def foresee(self, compared: Comparison) -> None:
        """The members are looking at this change: find now what its answer will need."""
        if self._foreseen is not None and self._foreseen.compared is compared:
            return
        if _is_short(compared):
            roster = _Roster(self._broker.machine.members)
            provenance = self._broker.provenance.behind(compared.after.digest)
            self._foreseen = _find(compared, roster, provenance)

    def answer(self, outcome: Outcome, then: Callable[[Fields], None]) -> None:
        """Call `then` with the whole answer; at once, unless comparing may take long."""
        foreseen, self._foreseen = self._foreseen, None
        compared = outcome.compared
        if compared is None:
            then(as_json(outcome))
            return
        roster, secrets = _Roster(self._broker.machine.members), self._secrets.known()
        provenance = self._broker.provenance.behind(outcome.digest)

        def job() -> _Whole:
            findings = foreseen
            if findings is None or not findings.holds(compared, roster):
                findings = _find(compared, roster, provenance)
            return _whole(outcome, findings, roster, secrets)

        def done(result: object) -> None:
            whole = result if isinstance(result, _Whole) else _Whole(as_json(outcome), ())
            if whole.nobody_reads and outcome.result in _DECIDED:
                warnings = (*outcome.warnings, *whole.nobody_reads)
                self._broker.record_warnings(outcome.generation, warnings)
            then(whole.answer)

        if _is_short(compared):
            done(job())
        else:
            self._broker.history_worker.submit(job, done)


def _is_short(compared: Comparison) -> bool:
    return len(compared.before.encoded) + len(compared.after.encoded) <= _AT_ONCE_BYTES


def _find(compared: Comparison, roster: _Roster, provenance: Provenance) -> _Findings:
    changes = list(differences(compared.before, compared.after))
    readers = roster.readers()
    nobody_reads = located(unread(changes, compared.after, readers), provenance)
    return _Findings(compared, roster.descriptions(), changes, readers, nobody_reads)


def _whole(outcome: Outcome, findings: _Findings, roster: _Roster, secrets: Secrets) -> _Whole:
    by_table = readers_by_table(reader for reader in findings.readers if reader is not None)
    waiting = _Waiting(roster)
    pending: dict[str, None] = {}
    shown: list[Fields] = []
    for change in findings.changes:
        having = by_table.get(change.key[0], [])
        late = waiting.among(having, change)
        pending.update(dict.fromkeys(late))
        if len(shown) < limits.CHANGES_SHOWN:
            shown.append(_shown(change, having, late, secrets))
    told = {warning.key for warning in outcome.warnings}
    nobody_reads = tuple(reason for reason in findings.unread if reason.key not in told)
    complete = outcome._replace(warnings=(*outcome.warnings, *nobody_reads))
    answer = {
        **as_json(complete),
        "changes": shown,
        "changed": len(findings.changes),
        "pending": list(pending),
    }
    return _Whole(answer, nobody_reads)


def _shown(
    change: Difference, having: Sequence[Reader], late: Sequence[str], secrets: Secrets
) -> Fields:
    fields = without_secrets(change, secrets).as_json()
    for side in ("old", "new"):
        if side in fields and len(json.dumps(fields[side])) > limits.CHANGED_VALUE_LENGTH:
            fields |= {side: None, "cut": True}
    fields["owners"] = [reader.name for reader in having[: limits.OWNERS_SHOWN]]
    if late:
        fields["pending"] = list(late[: limits.OWNERS_SHOWN])
    return fields


def without_secrets(change: Difference, secrets: Secrets) -> Difference:
    """That there is one is told; where ABSENT stands for a side, it stays."""
    old, new = (
        side if side is ABSENT else secrets.hidden(side, change.key)
        for side in (change.old, change.new)
    )
    return change._replace(old=old, new=new)
