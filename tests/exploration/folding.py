# SPDX-License-Identifier: LGPL-3.0-or-later
"""Participants that are alike: of states that differ in their names only, one is looked at.

Everything is renamed, wherever a name is part of it (members, connections, incarnations, sessions,
what is on disk and under way); so nothing of one becomes part of another.  Txids and configurations
are nobody's and keep their names.
"""

import itertools
import json
from functools import cache
from typing import Any

from coordinator.core.decisions import Decision, Durable
from tests.exploration.books import Books, Entry
from tests.exploration.disk import Disk, Row, Rows
from tests.exploration.draft import Tables
from tests.exploration.parts import Names, Parts
from tests.exploration.state import Numbers
from tests.exploration.structure import copied

_MEMBERS = 6
"""Where a row of `decisions` has its members, as JSON."""


class Folding:
    """All ways to exchange the names of those who are alike."""

    def __init__(self, alike: tuple[str, ...], parts: Parts, tables: Tables) -> None:
        self._parts = parts
        self._tables = tables
        self._ways = [
            Names(alike, other) for other in itertools.permutations(alike) if other != alike
        ]
        self._life = cache(self._rename_life)
        self._crowd = cache(self._rename_crowd)
        self._counted = cache(self._recount)
        self._process = cache(self._rename_process)
        self._around = cache(self._rename_around)
        self._books = cache(self._rename_books)

    def fold(self, numbers: Numbers) -> Numbers:
        """The first, in some order, of all states that are this one but for the names."""
        found = numbers
        for names in self._ways:
            life, former, crowd, around, budget, books = numbers
            life, crowd = self._counted(self._life(life, names), self._crowd(crowd, names))
            former, around = self._life(former, names), self._around(around, names)
            other = (life, former, crowd, around, budget, self._books(books, names))
            found = min(found, other)
        return found

    def _recount(self, life_number: int, crowd: int) -> tuple[int, int]:
        """The same life and processes, with tickets in the order of the new names."""
        if not life_number:
            return life_number, crowd
        tables, parts = self._tables, self._parts
        life = tables.lives[life_number]
        processes = [tables.processes[one] for one in tables.crowds[crowd]]
        facts = parts.facts(life.machine)
        mine = [one for one in processes if one.life == life.number and one.ticket]
        tickets = tuple(dict.fromkeys((*facts.tickets, *(one.ticket for one in mine))))
        machine = parts.recounted(life.machine, facts.txids, tickets)
        counted = [
            one._replace(ticket=tickets.index(one.ticket) + 1) if one in mine else one
            for one in processes
        ]
        return (
            tables.lives.number(life._replace(machine=machine)),
            tables.crowds.number(tuple(tables.processes.number(one) for one in counted)),
        )

    def _rename_life(self, number: int, names: Names) -> int:
        if not number:
            return 0
        life = self._tables.lives[number]
        machine = self._parts.renamed(life.machine, names)
        renamed = life._replace(
            line=tuple(_in_order(copied(order, rename=names.of)) for order in life.line),
            news=tuple(
                (
                    _in_order(copied(order, rename=names.of)),
                    _in_order(copied(result, rename=names.of)),
                )
                for order, result in life.news
            ),
            reads=copied(life.reads, rename=names.of),
            roll=copied(life.roll, rename=names.of),
        )
        roll = tuple(sorted(renamed.roll))
        return self._tables.lives.number(renamed._replace(machine=machine, roll=roll))

    def _rename_crowd(self, number: int, names: Names) -> int:
        tables = self._tables
        crowd = [self._process(one, names) for one in tables.crowds[number]]
        crowd.sort(key=lambda one: tables.processes[one][:2])
        return tables.crowds.number(tuple(crowd))

    def _rename_process(self, number: int, names: Names) -> int:
        process = self._tables.processes[number]
        machine = self._parts.renamed_participant(process.machine, names)
        renamed = copied(process, rename=names.of)
        return self._tables.processes.number(renamed._replace(machine=machine))

    def _rename_around(self, number: int, names: Names) -> int:
        around = self._tables.arounds[number]
        images = tuple(_rename_rows(image, names) for image in around.disk.images)
        return self._tables.arounds.number(around._replace(disk=Disk(images)))

    def _rename_books(self, number: int, names: Names) -> int:
        renamed: Books = copied(self._tables.books[number], rename=names.of)
        books = tuple(
            book._replace(entries=tuple(_in_order(entry) for entry in book.entries))
            for book in renamed.books
        )
        return self._tables.books.number(renamed._replace(books=books))


def _in_order(thing: Any) -> Any:
    """With its members in the order of their names."""
    if isinstance(thing, Decision | Entry):
        return thing._replace(members=tuple(sorted(thing.members)))
    if isinstance(thing, Durable):
        return thing._replace(decision=_in_order(thing.decision))
    return thing


def _rename_rows(rows: Rows, names: Names) -> Rows:
    attached = tuple(sorted((names.of(name),) for (name,) in rows.attached))
    decisions = tuple(_rename_row(row, names) for row in rows.decisions)
    return rows._replace(attached=attached, decisions=decisions)


def _rename_row(row: Row, names: Names) -> Row:
    members = sorted(names.of(name) for name in json.loads(row[_MEMBERS]))
    return (*row[:_MEMBERS], json.dumps(members), *row[_MEMBERS + 1 :])
