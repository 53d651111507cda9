# SPDX-License-Identifier: LGPL-3.0-or-later
"""Right ends: states in which everything has come to where it should be."""

from collections.abc import Iterable
from typing import Any

from coordinator.core.members import MemberState
from tests.exploration.books import Broken
from tests.exploration.draft import Draft
from tests.exploration.state import Life, Numbers, Process
from tests.exploration.world import World

_OUT = (MemberState.REFUSED, MemberState.FAILED)
_SETTLED = (MemberState.RUNNING, *_OUT)


def is_right_end(world: World, numbers: Numbers) -> bool:
    """Whether nothing is left to be done."""
    return not why_not_an_end(world, numbers)


def why_not_an_end(world: World, numbers: Numbers) -> str:
    """What is still to be done; empty where nothing is."""
    life_number, former, *_ = numbers
    if not life_number or former:
        return "there is not one broker"
    draft = world.draft(numbers)
    life = draft.life
    assert life is not None
    return _life(world, draft, life) or _processes(world, draft, life)


def check_waits(draft: Draft, members: Iterable[tuple[Any, ...]]) -> None:
    """Where nothing is under way but time, no client waits: it would be answered at a deadline.

    Something is where a module hangs, is to be killed or started, or is not yet settled.
    """
    waits = any(isinstance(client, float) for client in draft.around.clients)
    if not waits or draft.life is None or not draft.life.ready:
        return
    if any(process.hung or process.doomed or process.retries for process in draft.processes):
        return
    if all(state in _SETTLED for _, state, *_ in members):
        raise Broken("liveness", "a client waits for a deadline, and for nothing else")


def _life(world: World, draft: Draft, life: Life) -> str:
    facts = world.parts.facts(life.machine)
    if not life.ready:
        return "the broker is not ready"
    if life.line or life.news or life.reads:
        return "its disk is at work"
    if not facts.idle:
        return "the broker is busy"
    if any(isinstance(client, float) for client in draft.around.clients):
        return "a client waits"
    if facts.unconfirmed or draft.around.disk.now.unconfirmed:
        return "what nobody confirmed is not undone"
    if facts.provisional or draft.around.disk.now.provisional:
        return "it is open whether all could apply what is in force"
    for name, state, *_ in facts.members:
        if state not in _SETTLED:
            return f"{name} is {state}"
    return ""


def _processes(world: World, draft: Draft, life: Life) -> str:
    facts = world.parts.facts(life.machine)
    known = {name: (state, pid) for name, state, pid, *_ in facts.members}
    last = len(draft.around.disk.now.decisions)
    for process in draft.processes:
        if process.state != "up":
            if process.state == "dead":
                return f"the death of {process.name} is not told"
            continue
        name = process.name
        if _knows_better(process, life):
            continue  # it is told so, again and again
        if process.module.work or process.doomed or not process.reported:
            return f"{name} is at work"
        link = process.link
        if link is None or link.up or link.down or link.severed:
            return f"the link of {name} is not quiet"
        if process.question:
            return f"{name} is in doubt of {process.question}"
        state, pid = known.get(name, ("", 0))
        if pid != process.pid:
            return f"the broker does not know {name}"
        runs = process.ran.generation == last and process.ran.book == life.book
        entry = draft.books.entry(life.book, last)
        if process.broke and entry is not None and name in entry.unable:
            return f"{name} could not apply what is in force, which is not undone"
        if state == MemberState.FAILED and runs and not process.broke and not process.child:
            return f"{name} is shown as failed, and runs what is in force"
        if state in _OUT:
            continue
        if process.ran.generation != last or process.ran.book != life.book:
            return f"{name} runs generation {process.ran.generation}, not {last}"
    return ""


def _knows_better(process: Process, life: Life) -> bool:
    """Whether it has obeyed a later epoch of this ledger, which was restored since."""
    fence = process.fence
    return fence.ledger == life.opened.identity and fence.epoch > life.opened.epoch
