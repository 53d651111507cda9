# SPDX-License-Identifier: LGPL-3.0-or-later
"""One run: a seed becomes a world and a schedule, is performed, healed, and looked at."""

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coordinator.core.members import MemberState
from coordinator.core.requests import ChangeRequest, Earlier, RemoveRequest, Replacement
from coordinator.core.results import Result
from tests.simulation import schedule
from tests.simulation.byzantine import lie
from tests.simulation.faults import FAULTS
from tests.simulation.ledger import MemoryStore, Store
from tests.simulation.promises import Broken
from tests.simulation.schedule import Action
from tests.simulation.trace import Trace
from tests.simulation.workload import WORKLOAD
from tests.simulation.world import Setting, World

STEPS = 20_000
"""More than any run needs; one that takes more goes round in circles."""

_DEEDS = {**WORKLOAD, **FAULTS, "lie": lie}

MakeStore = Callable[[], Store]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong: the promise, or the kind of a production exception, and the words."""

    promise: str
    what: str


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one seed."""

    seed: int
    actions: tuple[Action, ...]
    setting: Setting
    trace: Trace
    steps: int
    commits: int
    finding: Finding | None


def run(
    seed: int,
    actions: Sequence[Action] | None = None,
    make_store: MakeStore = MemoryStore,
    setting: Setting | None = None,
) -> Run:
    """The run of this seed; `actions` and `setting` in place of those that it would bring."""
    chance = random.Random(seed)
    drawn_setting = schedule.setting(chance)
    store = make_store()
    drawn = schedule.actions(chance, drawn_setting, fenced=isinstance(store, MemoryStore))
    wanted = tuple(drawn if actions is None else actions)
    setting = drawn_setting if setting is None else setting
    world = World(seed, setting, store)
    finding = None
    try:
        _perform(world, wanted)
    except Broken as broken:
        finding = Finding(broken.promise, str(broken))
    except Exception as error:  # Forbidden, or any other fault of the machines themselves
        where = _place(error)
        finding = Finding(type(error).__name__, f"{type(error).__name__}: {error} ({where})")
    finally:
        store.dispose()
    return Run(seed, wanted, setting, world.trace, world.scheduler.steps, _commits(world), finding)


def _commits(world: World) -> int:
    return len({one.txid for book in world.books for one in book.decisions.values()})


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"


def _perform(world: World, actions: Sequence[Action]) -> None:
    world.start_broker()
    for name in world.setting.attached:
        world.spawn(name, None)
    _until_ready(world)
    pending, since = deque(actions), 0
    while pending:
        if since >= pending[0].steps or not world.scheduler:
            action, since = pending.popleft(), 0
            world.scheduler.after(action.seconds, _DEEDS[action.verb], world, action)
        else:
            _step(world)
            since += 1
    last_of_them = world.scheduler.now + 3.0
    while world.scheduler and world.scheduler.now < last_of_them:
        _step(world)
    world.heal()
    _drain(world)
    _look_back(world)
    _remove_failed(world)
    world.check_settled()
    _probe(world)


def _until_ready(world: World) -> None:
    """Faults begin at once in some worlds, and in others when all is up."""
    if world.chance.stream("begin").random() < 0.7:
        while world.scheduler and (world.broker is None or not world.broker.is_ready):
            _step(world)


def _look_back(world: World) -> None:
    """Back is always open: no undo is left, and a rollback goes through, whoever has failed."""
    broker = world.broker
    if broker is None or not broker.is_ready:
        return
    if broker.machine.unconfirmed is not None:
        raise Broken("liveness", "what nobody confirmed is not undone while a module has failed")
    failed = any(member.state is MemberState.FAILED for member in broker.machine.members)
    if failed and broker.machine.generation > 1:
        result = _ask(world, ChangeRequest(Earlier(), "rollback"), "goes back, as a test")
        if result is Result.REFUSED:
            raise Broken("liveness", "a rollback was refused though nobody who is well objects")


def _ask(world: World, request: ChangeRequest, words: str) -> Result:
    """What the client is told once nothing is left to happen."""
    number = world.clients.ask(request, words)
    _drain(world)
    told = world.clients.last
    if told is None or told[0] != number:
        raise Broken("liveness", "the last change was not answered")
    return told[1].result


def _remove_failed(world: World) -> None:
    """What an administrator does about modules that are shown as failed."""
    if world.broker is None or not world.broker.is_ready:
        return
    for member in world.broker.machine.members:
        if member.state is MemberState.FAILED:
            words = f"removes {member.name}, which has failed"
            world.clients.ask(RemoveRequest(member.name), words)
    _drain(world)


def _probe(world: World) -> None:
    """A change to which nobody objects goes through.

    At the second try, where the first had to find out that somebody left without being heard.
    """
    tries = 2 if any(one.alive and one.detached for one in world.processes.values()) else 1
    result = None
    while result is not Result.COMMITTED:
        if not tries:
            raise Broken("liveness", f"the last change was {result}")
        tries -= 1
        change = ChangeRequest(Replacement(world.candidate(())), "probe", seconds=60.0)
        result = _ask(world, change, "asks for a change as a last test")
    world.check_settled()


def _drain(world: World) -> None:
    """Until nothing is left to happen, or has had more time than any patience lasts."""
    until = world.scheduler.now + 300.0
    while world.scheduler and world.scheduler.now < until:
        _step(world)


def _step(world: World) -> None:
    world.scheduler.step()
    if world.scheduler.steps > STEPS:
        raise Broken("liveness", "there is no end to it")
