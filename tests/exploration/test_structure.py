# SPDX-License-Identifier: LGPL-3.0-or-later
"""Fingerprints forget nothing that matters, and copies share nothing that changes."""

import random
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from typing import Any, get_args

import pytest

from coordinator.core.decisions import Decision
from coordinator.core.effects import (
    AnnounceReady,
    Answer,
    AnswerInquiry,
    Effect,
    GiveUp,
    Halt,
    Kill,
    RecordEdit,
    Send,
    StartProcess,
    TellAdmit,
    TellCommit,
    Wake,
    Watch,
    WriteLog,
)
from coordinator.core.machine import Coordinator
from protocol.reason_code import ReasonCode
from protocol.reasons import Origin, Reason
from tests.exploration.life import Call, Driver
from tests.exploration.parts import FORCED, READ, RECORDED, UNIMPORTANT, Names, Turned
from tests.exploration.search import Search
from tests.exploration.structure import (
    PEOPLE,
    Fingerprint,
    Moment,
    copied,
    fields_of,
)
from tests.exploration.worlds import SMALL

WALKS = 25
STEPS = 60


class _Twin:
    """Drives a machine on that is never replaced by one with the same fingerprint.

    What the search remembers of a fingerprint must be what this machine does, with all its past.
    """

    def __init__(self, search: Search) -> None:
        self.parts = search.world.parts
        self.real: dict[int, Coordinator] = {}
        self.compared = 0
        for name in ("turn", "told"):
            setattr(self.parts, name, self._driven(getattr(self.parts, name), name))
        for name in ("later", "recounted"):
            setattr(self.parts, name, self._changed(getattr(self.parts, name), name))

    def _of(self, number: int) -> Coordinator:
        return copied(self.real.get(number, self.parts.coordinators[number]))

    def _keep(self, number: int, machine: Coordinator) -> None:
        self.compared += 1
        assert Fingerprint(machine).value == self.parts.coordinators.fingerprint(number).value
        self.real[number] = machine

    def _driven(self, remembered: Callable[..., Turned], name: str) -> Callable[..., Turned]:
        drive = "feed" if name == "turn" else "told"

        def drives(machine: int, opened: Any, taken: bool, *given: Any) -> Turned:
            found = remembered(machine, opened, taken, *given)
            turn = getattr(Driver(opened), drive)(self._of(machine), taken, *given)
            verbs = sorted((call.verb, str(call.about[:1])) for call in turn.calls)
            assert verbs == sorted((call.verb, str(call.about[:1])) for call in found.calls)
            self._keep(found.machine, turn.machine)
            return found

        return drives

    def _changed(self, remembered: Callable[..., int], name: str) -> Callable[..., int]:
        def changes(machine: int, *given: Any) -> int:
            found = remembered(machine, *given)
            real = self._of(machine)
            if name == "later":
                real = copied(real, shift=given[0])
            else:
                txids, tickets = given
                real.shared._txids, real.shared._tickets = txids, len(tickets)
                for member in real.members:
                    for one in (member, member.replaces):
                        if one is not None and one.ticket:
                            one.ticket = tickets.index(one.ticket) + 1
            self._keep(found, real)
            return found

        return changes


@pytest.mark.parametrize(
    "name", ["cut in doubt", "module reload", "trial and crash", "cold start", "hangs, undone",
             "module configure", "falls back", "fails, and a crash", "late verdict",
             "module remove at once"])  # fmt: skip
def test_a_machine_with_another_past_does_the_same(name: str) -> None:
    search = Search(SMALL[name])
    world, chance = search.world, random.Random(name)
    twin, initial = _Twin(search), world.initial()
    for _ in range(WALKS):
        numbers = initial
        twin.real.clear()
        for _ in range(STEPS):
            moves = world.moves(world.draft(numbers))
            if not moves:
                break
            draft = world.draft(numbers)
            chance.choice(moves).act(draft)
            numbers = draft.numbers()
    assert twin.compared > WALKS


IN_THE_LOOP = (Send, TellCommit, TellAdmit, RecordEdit, StartProcess, Watch, Kill, Answer,
               AnswerInquiry, Wake, WriteLog, AnnounceReady, GiveUp, Halt)  # fmt: skip


def test_what_each_effect_means_to_the_search_is_said() -> None:
    """A new effect that a worker carries out belongs into one of these groups of `parts`."""
    groups = [IN_THE_LOOP, FORCED, RECORDED, UNIMPORTANT, READ]
    said = [effect for group in groups for effect in group if effect is not Decision]
    assert len(said) == len(set(said))
    assert set(said) == set(get_args(Effect))


def test_what_nobody_knows_is_no_forced_write() -> None:
    world = Search(SMALL["one child"]).world
    draft = world.draft(world.initial())
    assert draft.life is not None
    for work in ("ledger", "places"):
        with pytest.raises(AssertionError, match="Halt"):
            draft.carry_out(
                draft.life,
                Turned(draft.life.machine, False, (Call("submit", (work, Halt())),)),
            )


def test_who_is_renamed_keeps_all_that_he_says() -> None:
    said = Reason("a", "no", ("x",), Origin("file", 1), ReasonCode.TIMEOUT)
    names = Names(("a", "b"), ("b", "a"))
    renamed = copied((said,), rename=names.of)[0]
    assert renamed == replace(said, module="b")


def _in_mid_change() -> Coordinator:
    """A machine that has much to remember."""
    world = Search(SMALL["trial and no"]).world
    numbers = world.initial()
    for words in ("ask 1 load 1, to be confirmed", "ask 2 load 1", "a hears Prepare",
                  "vote a 1.2.l1 yes"):  # fmt: skip
        draft = world.draft(numbers)
        next(move for move in world.moves(draft) if move.words == words).act(draft)
        numbers = draft.numbers()
    life = world.draft(numbers).life
    assert life is not None
    return world.parts.coordinators[life.machine]


def _objects(machine: object) -> list[Any]:
    found: list[Any] = []
    waiting = [machine]
    while waiting:
        thing = waiting.pop()
        if any(thing is one for one in found):
            continue
        module = type(thing).__module__
        if isinstance(thing, dict):
            waiting.extend(thing.values())
        elif isinstance(thing, list | tuple):
            waiting.extend(thing)
        elif module.startswith("coordinator.") and not isinstance(thing, str | Enum):
            found.append(thing)
            waiting.extend(fields_of(thing).values())
    return found


def test_every_field_is_in_the_fingerprint() -> None:
    machine = copied(_in_mid_change())
    before, checked = Fingerprint(machine).value, set()
    for thing in _objects(machine):
        if getattr(type(thing), "__dataclass_params__", None) and (
            type(thing).__dataclass_params__.frozen
        ):
            continue  # a value; it is there as a whole
        for name, value in fields_of(thing).items():
            if name in PEOPLE or (isinstance(value, Moment) and value <= 0):
                continue
            object.__setattr__(thing, name, ("something", "else"))
            changed = Fingerprint(machine).value
            object.__setattr__(thing, name, value)
            assert changed != before, f"{type(thing).__name__}.{name} is not in the fingerprint"
            checked.add(f"{type(thing).__name__}.{name}")
    assert {"Member.owes", "Transaction.ballot", "SharedState._txids"} <= checked
    assert Fingerprint(machine).value == before


def test_a_copy_is_the_same_and_shares_nothing_that_changes() -> None:
    machine = _in_mid_change()
    before = Fingerprint(machine).value
    copy = copied(machine)
    assert Fingerprint(copy).value == before
    for thing in _objects(copy):
        for name in list(fields_of(thing)):
            if not getattr(type(thing), "__dataclass_params__", None):
                object.__setattr__(thing, name, None)
    assert Fingerprint(machine).value == before


def test_only_what_is_to_come_has_a_time() -> None:
    machine = _in_mid_change()
    earlier, later = copied(machine, shift=0.5), copied(machine, shift=1.0)
    assert Fingerprint(earlier).value != Fingerprint(later).value
    assert Fingerprint(copied(earlier, shift=0.5)).value == Fingerprint(later).value
    assert Fingerprint(machine).moments == {
        round(moment + 1.0, 6) for moment in Fingerprint(later).moments
    }
