# SPDX-License-Identifier: LGPL-3.0-or-later
"""The way of one rank to the coordinator on rank 0: up, down, and frames in both directions.

It is up while rank 0 has an agent.  Flux's group tells, a tenth of a second late; a coordinator
that begins a new life, or anew with this rank, says hello at once; and a request that fails says
so, too.
"""

import os
from collections.abc import Callable

from fluxcore.framing import AGAIN, HELLO, LIFE_BYTES, Peer
from fluxcore.handle import Flux, Request
from fluxcore.routes import Routes
from participant.fluxcore.frame_relay import FrameRelay

_COORDINATOR = 0


class CoordinatorLink:
    """Callbacks come from the reactor: `heard(frame)`, `up()`, `down()`."""

    def __init__(self, flux: Flux, routes: Routes) -> None:
        self._relay = FrameRelay(flux, routes, Peer(flux.rank, os.urandom(LIFE_BYTES)))
        self._relay.failed = self._failed
        self.up: Callable[[], None] = _nothing
        self.down: Callable[[], None] = _nothing
        self.renewed: Callable[[], None] = _nothing
        """Called when a coordinator has begun a new life."""
        self._is_up = False
        routes.watch(self._served)
        flux.serve(HELLO, self._hello)
        flux.serve(AGAIN, self._again)

    def hear(self, heard: Callable[[bytes], None]) -> None:
        """Have `heard(frame)` called from now on."""
        self._relay.heard = heard

    def send(self, frame: bytes) -> None:
        """Send to the coordinator; where nobody takes it, `down` follows."""
        self._relay.send(frame)

    def reopen(self) -> None:
        """Take it for new, if it is up; what others below have said goes on its way."""
        if self._is_up:
            self.down()
            self.up()

    def _failed(self) -> None:
        self._set(False)

    def _served(self, ranks: frozenset[int]) -> None:
        self._set(_COORDINATOR in ranks)

    def _set(self, is_up: bool) -> None:
        if is_up != self._is_up:
            self._is_up = is_up
            self._relay.reset()
            (self.up if is_up else self.down)()

    def _hello(self, request: Request) -> None:
        self._again(request)
        self.renewed()

    def _again(self, request: Request) -> None:
        request.answer()
        if self._is_up:
            self._relay.reset()  # those below are told so, too
            self.reopen()
        else:
            self._set(True)


def _nothing() -> None:
    """Nobody has asked to be told yet."""
