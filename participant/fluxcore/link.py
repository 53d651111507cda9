# SPDX-License-Identifier: LGPL-3.0-or-later
"""The way of one rank to the coordinator on rank 0: up, down, and frames in both directions.

It is up while rank 0 has an agent.  Flux's group tells, a tenth of a second late; a coordinator
that begins a new life says hello at once; and a request that fails says so, too.
"""

import os
from collections.abc import Callable
from typing import Any

from fluxcore.framing import DOWN, GROUP, HELLO, LIFE_BYTES, UP, pack, unpack
from fluxcore.handle import Failure, Flux, Request

_ESTALE, _EPROTO = 116, 71
_COORDINATOR = 0


class CoordinatorLink:
    """Callbacks come from the reactor: `heard(frame)`, `up()`, `down()`."""

    def __init__(self, flux: Flux) -> None:
        self._flux = flux
        self.life = os.urandom(LIFE_BYTES)
        self.heard: Callable[[bytes], None] = _no_frame
        self.up: Callable[[], None] = _nothing
        self.down: Callable[[], None] = _nothing
        self.renewed: Callable[[], None] = _nothing
        """Called when a coordinator has begun a new life."""
        self._is_up = False
        flux.serve(DOWN, self._frame)
        flux.serve(HELLO, self._hello)

    def open(self) -> None:
        """From now on there are callbacks."""
        self._flux.watch_group(GROUP, self._served)

    def send(self, frame: bytes) -> None:
        """Send to the coordinator; where nobody takes it, `down` follows."""
        self._flux.ask_raw(UP, pack(self._flux.rank, self.life, frame), self._sent, _COORDINATOR)

    def reopen(self) -> None:
        """Take it for new, if it is up."""
        if self._is_up:
            self.down()
            self.up()

    def _sent(self, answer: Any) -> None:
        if isinstance(answer, Failure):
            self._set(False)

    def _served(self, ranks: frozenset[int]) -> None:
        self._set(_COORDINATOR in ranks)

    def _set(self, is_up: bool) -> None:
        if is_up != self._is_up:
            self._is_up = is_up
            (self.up if is_up else self.down)()

    def _hello(self, request: Request) -> None:
        request.answer()
        if self._is_up:
            self.reopen()
        else:
            self._set(True)
        self.renewed()

    def _frame(self, request: Request) -> None:
        meant = unpack(request.data)
        if meant is None:
            request.refuse(_EPROTO, "that is no frame of a coordinator")
        elif meant.life != self.life or meant.rank != self._flux.rank:
            request.refuse(_ESTALE, "it was meant for an agent that is gone")
        else:
            request.answer()
            self.heard(meant.frame)


def _nothing() -> None:
    """Nobody has asked to be told yet."""


def _no_frame(_: bytes) -> None:
    """Nobody has asked to be told yet."""
