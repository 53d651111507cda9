# SPDX-License-Identifier: LGPL-3.0-or-later
"""What people do to a world: they ask for changes, edit files, load, remove, attach and leave."""

from collections.abc import Callable

import msgpack

from coordinator.core.edit import Edit
from coordinator.core.events import Stop
from coordinator.core.merge_patch import MergePatch
from coordinator.core.requests import (
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
from protocol.reasons import Reason, Refusal
from tests.simulation.schedule import Action
from tests.simulation.simulated_module import BAD
from tests.simulation.targets import attached, living, member, pick
from tests.simulation.world import Doubts, Poison, World

_PATIENCE = (0.5, 2.0, 10.0)


def _patience(action: Action) -> float:
    """Seconds allowed for prepare."""
    return _PATIENCE[int(action.amount * len(_PATIENCE))]


def _rejected(action: Action) -> str:
    return f", which {', '.join(action.names)} will reject" if action.names else ""


def _change(world: World, action: Action, dry_run: bool = False) -> None:
    candidate = world.candidate(action.names)
    request = ChangeRequest(
        Replacement(candidate), "load", seconds=_patience(action), dry_run=dry_run
    )
    words = f"{'tries' if dry_run else 'asks for'} a change{_rejected(action)}"
    world.clients.ask(request, words)


def _doubtful(world: World, action: Action) -> None:
    """One of them warns of it, and perhaps would not start with it."""
    host = pick(living(world), action)
    if host is None:
        return
    candidate, strict = world.candidate(()), action.which % 3 == 0
    world.doubt(candidate, Doubts(host.name, at_start=action.which % 4 != 0))
    request = ChangeRequest(
        Replacement(candidate), "load", seconds=_patience(action), strict=strict,
        dry_run=action.which % 5 == 0,
    )  # fmt: skip
    words = f"asks for a change of which {host.name} warns"
    world.clients.ask(request, words + (" (strict)" if strict else ""))


def _dry_run(world: World, action: Action) -> None:
    _change(world, action, dry_run=True)


def _burst(world: World, action: Action) -> None:
    for _ in range(2 + action.which % 3):
        _change(world, action)


def _set(world: World, action: Action) -> None:
    if action.which % 4 == 3:
        _merge(world, action)
        return
    text = str(action.which) if action.which % 6 else None
    edit = Edit((f"key{action.which % 3}",), text, "integer")
    request = ChangeRequest(edit, "set", seconds=_patience(action))
    world.clients.ask(request, "sets a key" if text else "unsets a key")


def _merge(world: World, action: Action) -> None:
    value = action.which if action.which % 5 else None  # which takes the key away
    patch = MergePatch(
        msgpack.packb({f"key{action.which % 3}": value, "table": {"n": action.which}})
    )
    request = ChangeRequest(patch, "merge", seconds=_patience(action))
    world.clients.ask(request, "merges two keys")


def _edit(world: World, action: Action) -> None:
    world.files = world.candidate(action.names)
    world.tell("the files are edited{}", _rejected(action))


def _spoil(world: World, action: Action) -> None:
    world.files = Refusal((Reason("config", "a quote is missing"),))
    world.tell("the files are spoilt")


def _reload(world: World, action: Action) -> None:
    if world.setting.files:
        dry = action.which % 4 == 0
        request = ChangeRequest(FromFiles(), "reload", seconds=_patience(action), dry_run=dry)
        world.clients.ask(request, "asks for a reload" + (" (dry run)" if dry else ""))


def _trial(world: World, action: Action) -> None:
    request = ChangeRequest(
        Replacement(world.candidate(action.names)),
        "load",
        seconds=_patience(action),
        confirm=30 * action.amount,
    )
    world.clients.ask(request, f"asks for a change that is to be confirmed{_rejected(action)}")
    if action.which % 2:
        world.scheduler.after(20 * action.amount, _confirm, world, action)


def _poisoned(world: World, action: Action) -> None:
    """All accept it, and one of them breaks, dies or hangs over it, as often as it begins anew."""
    host = pick(living(world), action)
    if host is None:
        return
    kind = ("break", "die", "hang")[action.which % 3]
    confirm = 20 * action.amount if action.which % 4 else None
    candidate = world.candidate(())
    world.poison(candidate, Poison(host.name, kind, confirm is not None))
    request = ChangeRequest(
        Replacement(candidate), "load", seconds=_patience(action), confirm=confirm
    )
    world.clients.ask(request, f"asks for a change over which {host.name} will {kind}")


def _extend(world: World, action: Action) -> None:
    running = world.broker.machine.running if world.broker is not None else None
    if action.which % 2 or running is None:
        request = ConfirmRequest(seconds=_patience(action), extend=30 * action.amount)
        world.clients.ask(request, "asks for more time to confirm")
        return
    again = ChangeRequest(
        Replacement(running.configuration),
        "load",
        seconds=_patience(action),
        confirm=30 * action.amount,
    )
    world.clients.ask(again, "asks once more for what runs, to be confirmed")


def _confirm(world: World, action: Action) -> None:
    world.clients.ask(ConfirmRequest(seconds=_patience(action)), "confirms")


def _roll_back(world: World, action: Action) -> None:
    earlier = Earlier(None if action.which % 2 else 1 + action.which % 6)
    request = ChangeRequest(earlier, "rollback", seconds=_patience(action))
    world.clients.ask(request, "asks for what was before")


def _load(world: World, action: Action) -> None:
    name = f"m{1 + action.which % 5}"
    world.clients.ask(LoadRequest(name, Spec(name), _patience(action)), f"loads {name}")


def _remove(world: World, action: Action) -> None:
    name = member(world, action)
    if name is not None:
        cancel = action.which % 3 == 0
        request = RemoveRequest(name, _patience(action), cancel=cancel)
        world.clients.ask(request, f"{'cancels' if cancel else 'removes'} {name}")


def _module_reload(world: World, action: Action) -> None:
    name = member(world, action)
    if name is not None:
        cancel = action.which % 3 == 0
        request = ModuleReloadRequest(name, _patience(action), cancel=cancel)
        world.clients.ask(request, f"reloads {name}{' at once' if cancel else ''}")


def _configure(world: World, action: Action) -> None:
    name = member(world, action)
    if name is None:
        return
    value = BAD if action.names else str(action.which)
    request = ConfigureRequest(
        name,
        ((f"key{action.which % 2}", value if action.which % 5 else None),),
        seconds=_patience(action),
        dry_run=action.which % 7 == 0,
    )
    world.clients.ask(request, f"gives a value to {name} alone")


def _inquire(world: World, action: Action) -> None:
    name = member(world, action)
    if name is not None:
        world.clients.inquire(name, _patience(action))


def _hang_up(world: World, action: Action) -> None:
    world.clients.hang_up(action.which)


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
    host = pick(attached(world), action)
    if host is None or host.paused:
        return
    world.tell("{} drops its attachment and makes a new one", host)
    if action.which % 2:
        host.attach_again()
    else:
        host.renew = True


def _leave(world: World, action: Action) -> None:
    host = pick(attached(world), action)
    if host is not None and not host.detached:
        world.tell("{} leaves", host)
        host.leave()


WORKLOAD: dict[str, Callable[[World, Action], None]] = {
    "change": _change,
    "doubtful": _doubtful,
    "dry run": _dry_run,
    "burst": _burst,
    "set": _set,
    "edit": _edit,
    "spoil files": _spoil,
    "reload": _reload,
    "trial": _trial,
    "poisoned": _poisoned,
    "extend": _extend,
    "confirm": _confirm,
    "roll back": _roll_back,
    "load": _load,
    "remove": _remove,
    "module reload": _module_reload,
    "configure": _configure,
    "inquire": _inquire,
    "hang up": _hang_up,
    "stop broker": _stop_broker,
    "attach": _attach,
    "attach again": _attach_again,
    "leave": _leave,
}
