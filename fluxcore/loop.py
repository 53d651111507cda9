# SPDX-License-Identifier: LGPL-3.0-or-later
"""Flux's reactor as the loop that everything in an agent takes turns in.

It has the shape of `coordinator.runtime.loop.Loop`.  Found on flux-core 0.88: a watcher's events
cannot be changed (another one takes its place); `reset` of a running timer leaves it at its old
place in libev's heap, so that an earlier deadline fires at the later one's moment (it is stopped
first); the clock is cached (it is updated before a timer is armed).
"""

import selectors
import time
from collections.abc import Callable, Mapping
from typing import Any

from fluxcore.handle import Flux
from protocol.moments import Moments

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class FluxSelector(selectors.BaseSelector):
    """Descriptors watched by the reactor, which calls each key's data with the events."""

    def __init__(self, flux: Flux) -> None:
        self._flux = flux
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._watchers: dict[int, Any] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        descriptor = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        if descriptor in self._keys:
            raise KeyError(f"{fileobj!r} is registered already")
        names = self._flux.constants
        wanted = names.FLUX_POLLERR
        wanted |= names.FLUX_POLLIN if events & READ else 0
        wanted |= names.FLUX_POLLOUT if events & WRITE else 0

        def ready(_handle: Any, _watcher: Any, _fd: int, found: int, _argument: Any) -> None:
            failed = found & names.FLUX_POLLERR
            data(
                (READ if found & names.FLUX_POLLIN or failed else 0)
                | (WRITE if found & names.FLUX_POLLOUT else 0)
            )

        key = selectors.SelectorKey(fileobj, descriptor, events, data)
        self._keys[descriptor] = key
        made = self._flux.handle.fd_watcher_create(descriptor, ready, events=wanted)
        self._watchers[descriptor] = made.start()
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = self.get_key(fileobj)
        del self._keys[key.fd]
        watcher = self._watchers.pop(key.fd)
        watcher.stop()
        self._flux.handle.del_watcher(watcher)  # not destroyed: it may be the one that runs
        return key

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        for key in self._keys.values():
            if fileobj in (key.fileobj, key.fd):
                return key
        raise KeyError(f"{fileobj!r} is not registered")

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        raise NotImplementedError("the reactor waits")

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {key.fileobj: key for key in self._keys.values()}


class FluxLoop:
    """Calls back, one callback at a time, from `flux_reactor_run`(3)."""

    def __init__(self, flux: Flux) -> None:
        self._flux = flux
        self.selector = FluxSelector(flux)
        self._moments = Moments()
        self._turns: list[Callable[[], bool]] = []
        self._is_idle = False
        flux.is_driven = True
        handle = flux.handle
        self._timer = handle.timer_watcher_create(0.0, self._call_what_is_due)  # for the whole heap
        self._idle = handle.idle_watcher_create()
        self._prepare = handle.prepare_watcher_create(self._turn).start()

    def now(self) -> float:
        return time.monotonic()

    def register(self, source: Any, events: int, ready: Callable[[int], object]) -> None:
        self.selector.register(source, events, ready)

    def modify(self, source: Any, events: int, ready: Callable[[int], object]) -> None:
        self.selector.modify(source, events, ready)

    def unregister(self, source: Any) -> None:
        self.selector.unregister(source)

    def call_at(self, moment: float, callback: Callable[[], None]) -> None:
        self._moments.add(moment, callback)
        self._arm()

    def _arm(self) -> None:
        moment = self._moments.next
        if moment is not None:
            self._flux.update_clock()
            self._timer.stop()
            self._timer.reset(after=max(0.0, moment - self.now()), repeat=0.0)

    def _call_what_is_due(self, *_: Any) -> None:
        self._moments.call_back(self.now())
        self._arm()

    def each_turn(self, callback: Callable[[], bool]) -> None:
        self._turns.append(callback)

    def _turn(self, *_: Any) -> None:
        self._flux.turn()
        more = False
        for callback in self._turns:
            more |= callback()
        more |= self._flux.has_more
        if more != self._is_idle:  # else it is as it should be, and to say so again takes time
            self._is_idle = more
            (self._idle.start if more else self._idle.stop)()

    def run(self) -> None:
        """Take turns until `stop`, or until the broker is gone."""
        self._flux.handle.reactor_run()

    def stop(self) -> None:
        self._flux.handle.reactor_stop()

    def close(self) -> None:
        """Nothing: the watchers go with the handle."""
