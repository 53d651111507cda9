# SPDX-License-Identifier: LGPL-3.0-or-later
"""The judges: what the promises of the design say of a ledger and of the modules' own records.

Each judge returns the violations that it finds, as text.  They rely on one habit of these tests:
no candidate is ever proposed twice, so a digest names one attempt.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from tests.chaos.evidence import Record
from tests.chaos.ledger_rows import Row


@dataclass(frozen=True, slots=True)
class Answered:
    """What a client was told: the outcome as JSON, and how long it waited beyond its deadline."""

    outcome: dict[str, Any]
    digest: str
    overtime: float = 0.0


def applied_only_what_is_decided(rows: Sequence[Row], diary: Iterable[Record]) -> list[str]:
    """P1: whatever ran is a COMMIT in the ledger."""
    decided = {row.digest for row in rows}
    return [
        f"P1: {record.module} ran {record.digest[:8]}, of which the ledger knows nothing"
        for record in diary
        if record.what == "ran" and record.digest not in decided
    ]


def decided_only_by_all(rows: Iterable[Row], diary: Iterable[Record]) -> list[str]:
    """P2: behind every COMMIT is a yes of every member that keeps a diary."""
    notes = list(diary)
    keeps_diary = {record.module for record in notes if record.what in ("accepted", "refused")}
    said_yes = {(record.module, record.digest) for record in notes if record.what == "accepted"}
    return [
        f"P2: generation {row.generation} is committed without a yes of {name}"
        for row in rows
        for name in row.members
        if name in keeps_diary and (name, row.digest) not in said_yes
    ]


def never_ran_what_was_rejected(diary: Iterable[Record]) -> list[str]:
    """P3: no candidate that a member rejected was run, for an instant, by anybody."""
    notes = list(diary)
    rejected = {record.digest: record.module for record in notes if record.what == "refused"}
    return [
        f"P3: {record.module} ran {record.digest[:8]}, which {rejected[record.digest]} had rejected"
        for record in notes
        if record.what == "ran" and record.digest in rejected
    ]


def generations_rise(rows: Sequence[Row], diary: Iterable[Record]) -> list[str]:
    """P4: each life of a module runs ever later generations."""
    number = {row.digest: row.generation for row in rows}
    latest: dict[tuple[str, int], int] = defaultdict(int)
    found = []
    for record in diary:
        if record.what == "ran" and record.digest in number:
            life, generation = (record.module, record.pid), number[record.digest]
            if generation < latest[life]:
                found.append(f"P4: {record.module} went from {latest[life]} back to {generation}")
            latest[life] = generation
    return found


def all_run_what_is_in_force(
    rows: Sequence[Row], get: dict[str, Any], members: Iterable[dict[str, Any]]
) -> list[str]:
    """P5, P9: at rest, `get` and every running member are at the last COMMIT."""
    if not rows:
        return ["P9: a broker serves without a COMMIT in its ledger"]
    last, found = rows[-1], []
    if (get["generation"], get["digest"]) != (last.generation, last.digest):
        found.append(f"P9: get shows {get['generation']}, the ledger {last.generation}")
    for member in members:
        if member["state"] == "running" and member["digest"] != last.digest:
            found.append(f"P5: {member['name']} runs {member['generation']}, not {last.generation}")
    return found


def last_run(diary: Iterable[Record]) -> dict[str, str]:
    """The digest that each module ran last, by its own records."""
    return {record.module: record.digest for record in diary if record.what == "ran"}


def diaries_agree(rows: Sequence[Row], diary: Iterable[Record], names: Iterable[str]) -> list[str]:
    """P5, by the modules' own word: these have come to rest at the last COMMIT."""
    ran = last_run(diary)
    return [
        f"P5: the last that {name} ran is {ran.get(name, 'nothing')[:8]}, not {rows[-1].digest[:8]}"
        for name in names
        if ran.get(name) != rows[-1].digest
    ]


def nothing_is_lost(rows: Sequence[Row], answers: Iterable[Answered]) -> list[str]:
    """P6: generations follow each other, and every commit that a client heard of is there."""
    found = []
    for one, next_one in pairwise(rows):
        if next_one.generation != one.generation + 1:
            found.append(f"P6: after {one.generation} the ledger holds {next_one.generation}")
    kept = {row.digest: row.generation for row in rows}
    for answer in answers:
        result, generation = answer.outcome["result"], answer.outcome["generation"]
        if result in ("committed", "partial") and kept.get(answer.digest) != generation:
            found.append(f"P6: a client was told of generation {generation}, and it is not there")
        if result in ("refused", "valid") and answer.digest in kept:
            found.append(f"P6: a client was told of no change, and {kept[answer.digest]} is one")
    return found


def epochs_never_fall(rows: Sequence[Row]) -> list[str]:
    """P7, as far as a ledger shows it: later decisions are of the same life or a later one."""
    return [
        f"P7: generation {after.generation} is of epoch {after.epoch}, after {before.epoch}"
        for before, after in pairwise(rows)
        if after.epoch < before.epoch
    ]


def answered_in_time(answers: Iterable[Answered], slack: float) -> list[str]:
    """P8: nobody waited longer than the time allowed, but for the machine's own slowness."""
    return [
        f"P8: an answer came {answer.overtime:.2f} s beyond its deadline"
        for answer in answers
        if answer.overtime > slack
    ]


def history(
    rows: Sequence[Row], diary: Sequence[Record], answers: Sequence[Answered] = ()
) -> list[str]:
    """All that can be judged from what is written down, whatever goes on at the moment."""
    return [
        *applied_only_what_is_decided(rows, diary),
        *decided_only_by_all(rows, diary),
        *never_ran_what_was_rejected(diary),
        *generations_rise(rows, diary),
        *nothing_is_lost(rows, answers),
        *epochs_never_fall(rows),
    ]
