# SPDX-License-Identifier: LGPL-3.0-or-later
"""What goes wrong in a world: processes, links and disks, each in the ways that they have."""

from collections.abc import Callable

from coordinator.core.requests import ChangeRequest, Replacement
from tests.simulation.ledger import Mishap
from tests.simulation.schedule import Action
from tests.simulation.targets import attached, living, pick
from tests.simulation.world import World

# What happens to processes


def _crash_broker(world: World, action: Action) -> None:
    if world.broker is not None:
        world.downtime = 3 * action.amount if action.which % 3 == 0 else 0.0
        world.broker.crash()


def _trip_broker(world: World, action: Action) -> None:
    if world.broker is not None:
        world.broker.trip = action.which % 25


def _another_ledger(world: World, action: Action) -> None:
    """The state directory is moved away, lost, or restored from a backup.

    The copy that was made at the last start but one comes to the epoch of the life that ends here
    again, and an older one to a lower epoch.
    """
    age = (2, 3, 2, 1)[action.which % 4]
    restored = action.amount < 0.6 and len(world.backups) >= age
    world.change_ledger(world.backups[-age] if restored else None)


def _restore_in_doubt(world: World, action: Action, tries: int = 150) -> None:
    """Somebody waits for a decision, and the copy of before that life comes back.

    It counts its transactions anew, and has decided some before whoever is in doubt finds it.
    """
    doubtful = [host for host in attached(world) if host.machine.in_doubt is not None]
    if len(world.backups) < 2 and world.broker is not None:
        world.broker.crash()
    if doubtful and len(world.backups) >= 2 and world.broker is not None:
        world.change_ledger(world.backups[-2])
        for host in doubtful:
            world.network.blocked[host.name] = None
            world.scheduler.after(1.0 + 4 * action.amount, _unblock, world, host.name)
        for number in range(4):
            world.scheduler.after(0.8 + 0.6 * number, _change, world)
    elif tries:
        world.scheduler.after(0.02, _restore_in_doubt, world, action, tries - 1)


def _change(world: World) -> None:
    request = ChangeRequest(Replacement(world.candidate(())), "load", seconds=2.0)
    world.clients.ask(request, "asks for a change")


def _take_over(world: World, action: Action) -> None:
    old = world.broker
    if old is None or not old.alive:
        return
    world.take_over()
    chance = world.chance.stream("take over")
    for connection in old.connections.values():
        if chance.random() < 0.8:
            world.scheduler.after(3 * chance.random(), connection.sever)
    world.scheduler.after(4 * action.amount, old.resume)


def _pause_broker(world: World, action: Action) -> None:
    broker = world.broker
    if broker is not None and broker.paused_at is None:
        world.tell("{} stands still for {}s", broker, action.amount * 4)
        broker.pause()
        world.scheduler.after(4 * action.amount, broker.resume)


def _kill(world: World, action: Action) -> None:
    host = pick(living(world), action)
    if host is not None:
        host.die("killed by SIGKILL")
        if host.parent is None and action.amount < 0.7:
            world.scheduler.after(3 * action.amount, _revive, world, host.name)


def _revive(world: World, name: str) -> None:
    if world.host(name) is None:
        world.spawn(name, None)


def _trip(world: World, action: Action) -> None:
    host = pick(living(world), action)
    if host is not None:
        host.trip = int(action.amount * 8)


def _pause(world: World, action: Action) -> None:
    host = pick(living(world), action)
    if host is not None and not host.paused:
        seconds = action.amount * (1.0 if action.which % 2 else 25.0)
        world.tell("{} stands still for {}s", host, seconds)
        host.paused = True
        world.scheduler.after(seconds, host.resume)


def _hang(world: World, action: Action) -> None:
    host = pick(living(world), action)
    if host is not None:
        host.module.hang = action.amount * (1.0 if action.which % 2 else 25.0)
        world.tell("{}'s module will hang for {}s", host, host.module.hang)


def _break(world: World, action: Action) -> None:
    host = pick(living(world), action)
    if host is not None:
        host.module.break_next = True


def _cannot_start(world: World, action: Action) -> None:
    world.will_not_start(f"m{1 + action.which % 5}", loadable=False)


def _cannot_load(world: World, action: Action) -> None:
    world.will_not_start(f"m{1 + action.which % 5}", loadable=True)


# What happens to links and disks


def _cut(world: World, action: Action) -> None:
    host = pick(living(world), action)
    if host is not None and host.connection is not None:
        world.tell("the link of {} is cut", host)
        host.connection.sever()


def _block(world: World, action: Action) -> None:
    host = pick(living(world), action)
    if host is not None:
        seconds = action.amount * 6
        world.tell("{} is cut off for {}s", host, seconds)
        world.network.blocked[host.name] = None
        if host.connection is not None:
            host.connection.sever()
        world.scheduler.after(seconds, _unblock, world, host.name)


def _unblock(world: World, name: str) -> None:
    world.network.blocked.pop(name, None)
    world.network.retry()


def _hold(world: World, action: Action) -> None:
    host = pick(living(world), action)
    if host is not None:
        seconds = action.amount * (0.5 if action.which % 2 else 12.0)
        world.tell("the link of {} is slow for {}s", host, seconds)
        world.network.held_until[host.name] = world.scheduler.now + seconds


def _stale(world: World, action: Action) -> None:
    """Words of a former coordinator arrive late, behind those of the present one."""
    host = pick(living(world), action)
    if host is not None and not host.detached:
        machine = host.machine
        for book, frame in world.network.stale(host.name, machine.ledger, machine.epoch):
            host.hear_from_the_past(book, frame)


def _reopen(world: World, action: Action) -> None:
    """A full outbox: the link begins anew, and says only that it is up again."""
    host = pick(living(world), action)
    if host is not None and host.connection is not None and not host.paused:
        world.tell("the link of {} begins anew", host)
        host.drop(tell_machine=False)


def _disk_full(world: World, action: Action) -> None:
    world.store.mishap = Mishap.REFUSED


def _fsync_fails(world: World, action: Action) -> None:
    world.store.mishap = Mishap.UNCERTAIN


def _slow_disk(world: World, action: Action) -> None:
    world.disk_hang = action.amount * (25.0 if action.which % 3 == 0 else 1.0)


def _slow_files(world: World, action: Action) -> None:
    world.files_hang = action.amount * 12


FAULTS: dict[str, Callable[[World, Action], None]] = {
    "crash broker": _crash_broker,
    "trip broker": _trip_broker,
    "another ledger": _another_ledger,
    "restore in doubt": _restore_in_doubt,
    "take over": _take_over,
    "pause broker": _pause_broker,
    "kill": _kill,
    "trip": _trip,
    "pause": _pause,
    "hang": _hang,
    "break": _break,
    "cannot start": _cannot_start,
    "cannot load": _cannot_load,
    "cut": _cut,
    "block": _block,
    "hold": _hold,
    "stale": _stale,
    "reopen": _reopen,
    "disk full": _disk_full,
    "fsync fails": _fsync_fails,
    "slow disk": _slow_disk,
    "slow files": _slow_files,
}
