# SPDX-License-Identifier: LGPL-3.0-or-later
"""The answer to a change is the same, whether it was got ready while the members voted or not."""

import json
from typing import Any, cast

from coordinator.api.changed_keys import ChangedKeys
from coordinator.api.fields import Fields
from coordinator.api.handle import BrokerHandle
from coordinator.api.secret_places import SecretPlaces
from coordinator.core.machine import Coordinator
from coordinator.core.members import Member, MemberState
from coordinator.core.results import Comparison, Outcome, Result
from coordinator.files.provenance import ProvenanceStore
from coordinator.files.reading import Source
from protocol.configuration import EMPTY, Configuration
from protocol.keys import Path
from protocol.reasons import Reason

TEXT = b"[a]\nx = 1\n[b]\ny = 2\n"
AFTER = Configuration.of({"a": {"x": 1}, "b": {"y": 2}})


class Handle:
    """What the answer needs of a broker: the machine with its members, and where keys stand."""

    def __init__(self) -> None:
        self.machine = Coordinator(1, ledger="ledger")
        self.provenance = ProvenanceStore()
        self.provenance.keep(AFTER.digest, (Source("f.toml", TEXT, "toml"),))
        self.recorded: list[tuple[int, list[Path]]] = []

    def record_warnings(self, generation: int, warnings: tuple[Reason, ...]) -> None:
        self.recorded.append((generation, [warning.key for warning in warnings]))

    def join(self, table: str, key: str) -> None:
        schema = {"type": "object", "properties": {key: {"type": "integer"}}}
        told = json.dumps({"tables": [table], "single": True, "schema": schema})
        self.machine.members.add(Member(table, MemberState.RUNNING, 0.0, description=told))


def changed_keys(handle: Handle) -> ChangedKeys:
    members = handle.machine.members
    return ChangedKeys(cast(BrokerHandle, handle), SecretPlaces(lambda: members))


def answer(
    changed: ChangedKeys, compared: Comparison, result: Result = Result.COMMITTED, *said: Reason
) -> Fields:
    digest = compared.after.digest
    outcome = Outcome(result, 1, digest=digest, compared=compared, warnings=said)
    answers: list[Fields] = []
    changed.answer(outcome, answers.append)
    (only,) = answers
    return only


def warned(fields: Fields) -> list[tuple[Any, Any]]:
    return [(warning["key"], warning["line"]) for warning in fields["warnings"]]


def test_what_was_foreseen_is_what_is_found() -> None:
    handle, compared = Handle(), Comparison(EMPTY, AFTER)
    handle.join("a", "x")
    changed = changed_keys(handle)
    unprepared = answer(changed, compared)
    changed.foresee(compared)
    assert answer(changed, compared) == unprepared
    assert warned(unprepared) == [("b", 3)]
    assert [change["owners"] for change in unprepared["changes"]] == [["a"], []]


def test_a_module_that_has_come_meanwhile_is_a_reader() -> None:
    handle, compared = Handle(), Comparison(EMPTY, AFTER)
    handle.join("a", "x")
    changed = changed_keys(handle)
    changed.foresee(compared)
    handle.join("b", "y")
    told = answer(changed, compared)
    assert warned(told) == []
    assert [change["owners"] for change in told["changes"]] == [["a"], ["b"]]


def test_what_was_foreseen_of_another_change_is_not_told() -> None:
    handle = Handle()
    handle.join("a", "x")
    changed = changed_keys(handle)
    changed.foresee(Comparison(AFTER, EMPTY))
    told = answer(changed, Comparison(EMPTY, AFTER))
    assert [change["key"] for change in told["changes"]] == ["a.x", "b.y"]
    assert warned(told) == [("b", 3)]


def test_what_nobody_reads_of_a_generation_is_recorded_with_what_was_said() -> None:
    handle, compared = Handle(), Comparison(EMPTY, AFTER)
    handle.join("a", "x")
    changed = changed_keys(handle)
    doubtful = Reason("a", "doubtful", ("a", "x"))
    answer(changed, compared, Result.COMMITTED, doubtful)
    assert handle.recorded == [(1, [("a", "x"), ("b",)])]
    answer(changed, compared, Result.VALID, doubtful)
    answer(changed, compared, Result.COMMITTED, Reason("a", "said already", ("b",)))
    handle.join("b", "y")
    answer(changed, compared)
    assert len(handle.recorded) == 1, "a dry run is no generation; else there is nothing to add"
