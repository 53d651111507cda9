# SPDX-License-Identifier: LGPL-3.0-or-later
"""A participant that says what is not so: out of turn, twice, for others, or in no language.

Nobody can make such a one keep a promise, and what it says of itself is not held against the
coordinator.  But all promises to everybody else hold, and no machine is brought to a step that is
in no table.
"""

from collections.abc import Callable

from protocol import limits
from protocol.codec import encode
from protocol.messages import Applied, FromParticipant, Join, Leave, Report, Vote
from protocol.reasons import Reason
from tests.simulation.schedule import Action
from tests.simulation.simulated_process import SimulatedProcess
from tests.simulation.targets import living, pick
from tests.simulation.world import World


def lie(world: World, action: Action) -> None:
    """Have one of them say one thing that is not so."""
    host = pick(living(world), action)
    if host is None or host.connection is None or host.detached:
        return
    world.liars[host.name] = None
    if action.which % 9 == 0:
        world.tell("{} sends nonsense", host)
        host.connection.up(bytes(action.which % 256 for _ in range(action.which % 40)))
        return
    message = _LIES[int(action.amount * len(_LIES))](world, host, action)
    if isinstance(message, Join):
        world.liars[message.name] = None
    world.tell("{} says, and it is not so: {}", host, message)
    for hook in world.hooks.spoke:
        hook(host, message)
    host.connection.up(encode(message))


def _txid(world: World, action: Action) -> str:
    """The transaction in progress, or another."""
    change = world.broker.machine.transaction if world.broker is not None else None
    if change is not None and action.which % 3:
        return change.txid
    life = world.broker.ledger.life if world.broker is not None else ""
    return f"{1 + action.which % 3}.{1 + action.which % 7}.{life}"


def _yes(world: World, host: SimulatedProcess, action: Action) -> FromParticipant:
    return Vote(host.machine.epoch, host.machine.incarnation, _txid(world, action), True)


def _no(world: World, host: SimulatedProcess, action: Action) -> FromParticipant:
    why = (Reason("somebody else", "no"),)
    return Vote(host.machine.epoch, host.machine.incarnation, _txid(world, action), False, why)


def _applied(world: World, host: SimulatedProcess, action: Action) -> FromParticipant:
    generation = max(0, world.book.last + action.which % 4 - 2)
    held = world.book.decisions.get(generation)
    digest = held.configuration.digest if held and action.which % 2 else ""
    return Applied(host.machine.epoch, host.machine.incarnation, generation, digest, ok=True)


def _not_applied(world: World, host: SimulatedProcess, action: Action) -> FromParticipant:
    generation = max(0, world.book.last + action.which % 4 - 2)
    return Applied(host.machine.epoch, host.machine.incarnation, generation, "", ok=False)


def _join(world: World, host: SimulatedProcess, action: Action) -> FromParticipant:
    machine = host.machine
    honest = Join(
        machine.ledger, machine.epoch, machine.incarnation, host.name, limits.PROTOCOL_VERSION,
        machine.generation, machine.digest, None, host.pid, machine.session, "{}",
    )  # fmt: skip
    return (
        honest._replace(in_doubt=_txid(world, action)),
        honest._replace(epoch=10**6),
        honest._replace(generation=10**6),
        honest._replace(incarnation="another"),
        honest._replace(pid=10**6),
        honest._replace(name=f"m{1 + action.which % 5}"),
    )[action.which % 6]


def _leave(world: World, host: SimulatedProcess, action: Action) -> FromParticipant:
    why = (Reason(host.name, "I cannot be loaded"),) if action.which % 2 else ()
    name = host.name if action.which % 3 else f"m{1 + action.which % 5}"
    return Leave(host.machine.epoch, host.machine.incarnation, name, why)


def _report(world: World, host: SimulatedProcess, action: Action) -> FromParticipant:
    return Report(host.machine.epoch, host.machine.incarnation, action.which % 3, "{}")


_LIES: tuple[Callable[[World, SimulatedProcess, Action], FromParticipant], ...] = (
    _yes, _no, _applied, _applied, _not_applied, _join, _join, _leave, _report,
)  # fmt: skip
