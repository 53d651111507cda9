# SPDX-License-Identifier: LGPL-3.0-or-later
"""Passes frames on between rank 0 and the ranks below this one, along Flux's tree.

Towards its parent it is one who takes what comes down, with this rank's own among it; for those
below it is the one who sends.  What comes from below goes up together with what this rank says,
gathered, and each frame as it was.  It keeps nothing: with this agent goes what it had on the way,
and rank 0, which hears of its death, begins anew with all ranks below.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from fluxcore.framing import DOWN, UP, Peer, UpFrame, pack_down, pack_up, unpack_down, unpack_up
from fluxcore.gathering import Gathering
from fluxcore.handle import Failure, Flux, Request
from fluxcore.routes import Routes
from protocol import limits

_EPROTO = 71


class FrameRelay:
    """That of one agent.  `own` is its life; callbacks: `heard(frame)`, `failed()`."""

    def __init__(self, flux: Flux, routes: Routes, own: Peer) -> None:
        self._flux = flux
        self._routes = routes
        self._own = own
        self._gathering = Gathering(limits.GATHERED_BYTES)
        self.heard: Callable[[bytes], None] = _no_frame
        self.failed: Callable[[], None] = _nothing
        """Called when nobody upstream takes what is sent."""
        flux.serve_raw(DOWN, self._down)
        if own.rank != 0:  # there the coordinator itself takes what comes up
            flux.serve_raw(UP, self._up)

    # Down

    def _down(self, request: Request) -> None:
        unpacked = unpack_down(request.data)
        if unpacked is None:
            request.refuse(_EPROTO, "that is no frame of a coordinator")
            return
        request.answer()
        peers, frame = unpacked
        below = [peer for peer in peers if peer.rank != self._own.rank]
        for hop, group in self._routes.split(below).items():
            self._flux.ask_raw(DOWN, pack_down(group, frame), partial(self._passed, group), hop)
        for peer in peers:
            if peer == self._own:
                self.heard(frame)
            elif peer.rank == self._own.rank:  # meant for an agent that is gone
                self._put(UpFrame(*peer, b"", lost=True))

    def _passed(self, group: list[Peer], answer: Any) -> None:
        if isinstance(answer, Failure):
            for peer in group:
                self._put(UpFrame(*peer, b"", lost=True))

    # Up

    def send(self, frame: bytes) -> None:
        """To rank 0; where nobody takes it, `failed` follows."""
        self._put(UpFrame(*self._own, frame))

    def reset(self) -> None:
        """Begin anew: what was on the way up is not awaited any more."""
        self._gathering.clear()

    def _up(self, request: Request) -> None:
        entries = unpack_up(request.data)
        if entries is None:
            request.refuse(_EPROTO, "that is nothing that an agent passes on")
            return
        request.answer()
        for entry in entries:
            self._gathering.put(entry)
        self._flush()

    def _put(self, entry: UpFrame) -> None:
        self._gathering.put(entry)
        self._flush()

    def _flush(self) -> None:
        number, entries = self._gathering.take()
        if entries:
            upstream = self._routes.upstream()
            self._flux.ask_raw(UP, pack_up(entries), partial(self._taken, number), upstream)

    def _taken(self, number: int, answer: Any) -> None:
        if isinstance(answer, Failure):
            self._gathering.clear()
            self.failed()
        else:
            self._gathering.arrived(number)
            self._flush()


def _nothing() -> None:
    """Nobody has asked to be told yet."""


def _no_frame(_: bytes) -> None:
    """Nobody has asked to be told yet."""
