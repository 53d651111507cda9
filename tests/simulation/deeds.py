"""The verbs of a schedule, carried out on a world."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from coordinator.changes import (
    ChangeRequest,
    ConfigureRequest,
    ConfirmRequest,
    Earlier,
    FromFiles,
    LoadRequest,
    ModuleReloadRequest,
    RemoveRequest,
    Replacement,
    Spec,
)
from coordinator.events import Stop
from protocol.reasons import Reason
from tests.simulation.author import BAD
from tests.simulation.hosts import Host
from tests.simulation.ledger import Mishap
from tests.simulation.schedule import Action
from tests.simulation.world import World

T = TypeVar("T")

_PATIENCE = (0.5, 2.0, 10.0)


def perform(world: World, action: Action) -> None:
    """Do it, where there is anything to do it to."""
    _DEEDS[action.verb](world, action)


# What people do


def _patience(action: Action) -> float:
    return _PATIENCE[int(action.amount * len(_PATIENCE))]


def _change(world: World, action: Action, dry_run: bool = False) -> None:
    candidate = world.candidate(action.names)
    request = ChangeRequest(Replacement(candidate), "load", seconds=_patience(action),
                            dry_run=dry_run)  # fmt: skip
    number = world.clients.ask(request)
    if number:
        kind = "tries" if dry_run else "asks for"
        world.tell(f"client {{}} {kind} a change, which {{}} will reject", number,
                   ", ".join(action.names) or "nobody")  # fmt: skip


def _burst(world: World, action: Action) -> None:
    for _ in range(2 + action.which % 3):
        _change(world, action)


def _edit(world: World, action: Action) -> None:
    world.files = world.candidate(action.names)
    world.tell("the files are edited; {} will reject them", ", ".join(action.names) or "nobody")


def _spoil(world: World, action: Action) -> None:
    world.files = (Reason("config", "a quote is missing"),)
    world.tell("the files are spoilt")


def _reload(world: World, action: Action) -> None:
    if world.setting.files:
        dry = action.which % 4 == 0
        request = ChangeRequest(FromFiles(), "reload", seconds=_patience(action), dry_run=dry)
        number = world.clients.ask(request)
        world.tell("client {} asks for a reload{}", number, " (dry run)" if dry else "")


def _load(world: World, action: Action) -> None:
    name = f"m{1 + action.which % 5}"
    number = world.clients.ask(LoadRequest(name, Spec(name), _patience(action)))
    world.tell("client {} loads {}", number, name)


def _remove(world: World, action: Action) -> None:
    name = _member(world, action)
    if name is not None:
        number = world.clients.ask(RemoveRequest(name, _patience(action)))
        world.tell("client {} removes {}", number, name)


def _module_reload(world: World, action: Action) -> None:
    name = _member(world, action)
    if name is not None:
        number = world.clients.ask(ModuleReloadRequest(name, _patience(action)))
        world.tell("client {} reloads {}", number, name)


def _configure(world: World, action: Action) -> None:
    name = _member(world, action)
    if name is not None:
        value = BAD if action.names else str(action.which)
        given = ((f"key{action.which % 2}", value if action.which % 5 else None),)
        request = ConfigureRequest(name, given, seconds=_patience(action),
                                   dry_run=action.which % 7 == 0)  # fmt: skip
        number = world.clients.ask(request)
        world.tell("client {} sets a value of {}", number, name)


def _inquire(world: World, action: Action) -> None:
    name = _member(world, action)
    if name is not None:
        world.clients.inquire(name, _patience(action))


def _trial(world: World, action: Action) -> None:
    candidate = world.candidate(action.names)
    request = ChangeRequest(Replacement(candidate), "load", seconds=_patience(action),
                            confirm=30 * action.amount)  # fmt: skip
    number = world.clients.ask(request)
    world.tell("client {} asks for a change that has to be confirmed", number)


def _confirm(world: World, action: Action) -> None:
    number = world.clients.ask(ConfirmRequest(seconds=_patience(action)))
    world.tell("client {} confirms", number)


def _roll_back(world: World, action: Action) -> None:
    earlier = Earlier(None if action.which % 2 else 1 + action.which % 6)
    number = world.clients.ask(ChangeRequest(earlier, "rollback", seconds=_patience(action)))
    world.tell("client {} asks for what was before", number)


def _stop_broker(world: World, action: Action) -> None:
    if world.broker is not None:
        world.tell("{} is told to stop", world.broker)
        world.downtime = 4 * action.amount
        world.broker.feed(Stop())


def _attach(world: World, action: Action) -> None:
    name = pick(world.setting.attached, action)
    if name is not None and world.host(name) is None:
        world.spawn(name, None)


def _attach_again(world: World, action: Action) -> None:
    host = pick(_attached(world), action)
    if host is not None and not host.paused:
        world.tell("{} drops its attachment and makes a new one", host)
        host.attach_again()


def _leave(world: World, action: Action) -> None:
    host = pick(_attached(world), action)
    if host is not None and not host.detached:
        world.tell("{} leaves", host)
        host.leave()


# What happens to processes


def _crash_broker(world: World, action: Action) -> None:
    if world.broker is not None:
        world.downtime = 3 * action.amount if action.which % 3 == 0 else 0.0
        world.broker.crash()


def _trip_broker(world: World, action: Action) -> None:
    if world.broker is not None:
        world.broker.trip = action.which % 25


def _take_over(world: World, action: Action) -> None:
    old = world.broker
    if old is None or not old.alive:
        return
    world.take_over()
    chance = world.chance.stream("take over")
    for connection in old.connections.values():
        if chance.random() < 0.8:
            world.agenda.after(3 * chance.random(), connection.sever)
    world.agenda.after(4 * action.amount, old.resume)


def _pause_broker(world: World, action: Action) -> None:
    broker = world.broker
    if broker is not None and broker.paused_at is None:
        world.tell("{} stands still for {}s", broker, action.amount * 4)
        broker.pause()
        world.agenda.after(4 * action.amount, broker.resume)


def _kill(world: World, action: Action) -> None:
    host = pick(_living(world), action)
    if host is not None:
        host.die("killed by SIGKILL")
        if host.parent is None and action.amount < 0.7:
            world.agenda.after(3 * action.amount, _revive, world, host.name)


def _revive(world: World, name: str) -> None:
    if world.host(name) is None:
        world.spawn(name, None)


def _trip(world: World, action: Action) -> None:
    host = pick(_living(world), action)
    if host is not None:
        host.trip = int(action.amount * 8)


def _pause(world: World, action: Action) -> None:
    host = pick(_living(world), action)
    if host is not None and not host.paused:
        seconds = action.amount * (1.0 if action.which % 2 else 25.0)
        world.tell("{} stands still for {}s", host, seconds)
        host.paused = True
        world.agenda.after(seconds, host.resume)


def _hang(world: World, action: Action) -> None:
    host = pick(_living(world), action)
    if host is not None:
        host.author.hang = action.amount * (1.0 if action.which % 2 else 25.0)
        world.tell("{}'s module will hang for {}s", host, host.author.hang)


def _break(world: World, action: Action) -> None:
    host = pick(_living(world), action)
    if host is not None:
        host.author.break_next = True


def _cannot_start(world: World, action: Action) -> None:
    world.will_not_start(f"m{1 + action.which % 5}", loadable=False)


def _cannot_load(world: World, action: Action) -> None:
    world.will_not_start(f"m{1 + action.which % 5}", loadable=True)


# What happens to links and disks


def _cut(world: World, action: Action) -> None:
    host = pick(_living(world), action)
    if host is not None and host.connection is not None:
        world.tell("the link of {} is cut", host)
        host.connection.sever()


def _block(world: World, action: Action) -> None:
    host = pick(_living(world), action)
    if host is not None:
        seconds = action.amount * 6
        world.tell("{} is cut off for {}s", host, seconds)
        world.network.blocked[host.name] = None
        if host.connection is not None:
            host.connection.sever()
        world.agenda.after(seconds, _unblock, world, host.name)


def _unblock(world: World, name: str) -> None:
    world.network.blocked.pop(name, None)
    world.network.retry()


def _hold(world: World, action: Action) -> None:
    host = pick(_living(world), action)
    if host is not None:
        seconds = action.amount * (0.5 if action.which % 2 else 12.0)
        world.tell("the link of {} is slow for {}s", host, seconds)
        world.network.held_until[host.name] = world.agenda.now + seconds


def _stale(world: World, action: Action) -> None:
    """Words of a former coordinator arrive late, behind those of the present one."""
    host = pick(_living(world), action)
    if host is not None and not host.detached:
        for frame in world.network.stale(host.name, host.machine.epoch):
            host.hear_from_the_past(frame)


def _reopen(world: World, action: Action) -> None:
    """A full outbox: the link begins anew, and says only that it is up again."""
    host = pick(_living(world), action)
    if host is not None and host.connection is not None and not host.paused:
        world.tell("the link of {} begins anew", host)
        host.drop(tell_machine=False)


def _disk_full(world: World, action: Action) -> None:
    world.store.mishap = Mishap.REFUSED


def _fsync_fails(world: World, action: Action) -> None:
    world.store.mishap = Mishap.UNCERTAIN


def _slow_disk(world: World, action: Action) -> None:
    world.disk_hang = action.amount * 25


def _slow_files(world: World, action: Action) -> None:
    world.files_hang = action.amount * 12


# Choosing


def pick(choices: Sequence[T], action: Action) -> T | None:
    """One of them."""
    return choices[action.which % len(choices)] if choices else None


def _member(world: World, action: Action) -> str | None:
    if world.broker is None:
        return None
    member = pick(list(world.broker.machine.roster), action)
    return None if member is None else member.name


def _living(world: World) -> list[Host]:
    return [host for host in world.processes.values() if host.alive]


def _attached(world: World) -> list[Host]:
    return [host for host in _living(world) if host.parent is None]


_DEEDS: dict[str, Callable[[World, Action], None]] = {
    "change": _change,
    "burst": _burst,
    "dry run": lambda world, action: _change(world, action, dry_run=True),
    "edit": _edit,
    "spoil files": _spoil,
    "reload": _reload,
    "load": _load,
    "remove": _remove,
    "module reload": _module_reload,
    "configure": _configure,
    "inquire": _inquire,
    "trial": _trial,
    "confirm": _confirm,
    "roll back": _roll_back,
    "hang up": lambda world, action: world.clients.hang_up(action.which),
    "stop broker": _stop_broker,
    "attach": _attach,
    "attach again": _attach_again,
    "leave": _leave,
    "crash broker": _crash_broker,
    "trip broker": _trip_broker,
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
