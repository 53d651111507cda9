# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who is there, by Flux's word: a Supervisor that starts nothing and only watches.

A rank is gone when its broker leaves `broker.online`, when its agent leaves our own group, when its
router says so (for rank 0's children at once, a tenth of a second before the groups do), or when
another agent speaks in its place.  That a request failed is never relied upon: the request whose
sending discovers a broker's death is not answered at all (flux-core 0.88).
"""

from collections.abc import Callable
from typing import Any

from coordinator.core.events import Died, Started
from coordinator.core.requests import Spec
from coordinator.fluxcore.transport import RankTransport
from coordinator.processes.interface import Tell
from coordinator.runtime.loop import Timers
from fluxcore.framing import GROUP, PING, name_of, rank_of
from fluxcore.handle import Failure, Flux
from protocol import limits

_GONE = frozenset({"lost", "offline"})
_ENOSYS = 38


class RankWatch:
    """What `coordinator.processes.interface.Supervisor` asks for, of ranks."""

    def __init__(self, flux: Flux, transport: RankTransport) -> None:
        self._transport = transport
        self.online: frozenset[int] = frozenset({flux.rank})
        """Ranks whose broker takes part in the instance."""
        self.served: frozenset[int] = frozenset()
        """Ranks that have an agent."""
        self.changed: Callable[[], None] = _nothing
        """Called when either has changed."""
        self._tickets: dict[int, int] = {}
        self._seen: set[int] = set()
        """Watched ranks that have been in `served` since they are watched."""
        self._tell: Tell = _untold
        flux.watch_group("broker.online", self._online)
        flux.watch_group(GROUP, self._served)
        flux.stream("overlay.monitor", None, self._router)

    def attach(self, tell: Tell) -> None:
        self._tell = tell

    def start(self, name: str, spec: Spec, ticket: int) -> None:  # noqa: ARG002
        raise OSError(_ENOSYS, "modules of Flux are loaded by `flux module load`")

    def watch(self, name: str, pid: int, ticket: int) -> None:  # noqa: ARG002
        rank = rank_of(name)
        self._tickets[rank] = ticket
        self._seen.discard(rank)
        if rank in self.served:
            self._seen.add(rank)

    def kill(self, ticket: int) -> None:
        """Nothing: an agent is nobody's child."""

    def collect(self) -> None:
        """Nothing: the reactor itself tells."""

    def close(self) -> None:
        self._tell = _untold

    def died(self, rank: int, how: str) -> None:
        """What served this rank is gone."""
        self._transport.forget_rank(rank)
        self._seen.discard(rank)
        ticket = self._tickets.pop(rank, None)
        if ticket is not None:
            self._tell(Died(name_of(rank), ticket, how))
        self._transport.cut_below(rank)

    def replaced(self, rank: int) -> None:
        """Another agent speaks for this rank; the transport has forgotten the one before."""
        ticket = self._tickets.pop(rank, None)
        if ticket is not None:
            self._tell(Died(name_of(rank), ticket, "its agent was started anew"))

    def _online(self, ranks: frozenset[int]) -> None:
        lost, self.online = self.online - ranks, ranks
        for rank in sorted(lost):
            self.died(rank, "its broker is gone")
        self.changed()

    def _served(self, ranks: frozenset[int]) -> None:
        self.served = ranks
        for rank in sorted(self._seen - ranks):
            self.died(rank, "its agent is gone")
        self._seen.update(ranks & self._tickets.keys())
        self.changed()

    def _router(self, answer: Any) -> None:
        if not isinstance(answer, Failure) and answer.get("status") in _GONE:
            self.died(answer["rank"], "its broker is gone")


class Pulse:
    """Speaks to ranks whose answer is awaited, so that the death of a broker shows at once.

    A broker's death is noticed when something is sent to it: by Flux itself at its heartbeat, which
    is every 2 s, and an instance need not have one.
    """

    def __init__(self, flux: Flux, timers: Timers, awaited: Callable[[], frozenset[str]]) -> None:
        self._flux = flux
        self._timers = timers
        self._awaited = awaited
        self._beats = False

    def look(self) -> None:
        """Somebody may be awaited: if so, begin."""
        if not self._beats and self._awaited():
            self._beats = True
            self._next()

    def _next(self) -> None:
        self._timers.call_at(self._timers.now() + limits.PULSE_SECONDS, self._beat)

    def _beat(self) -> None:
        names = self._awaited()
        for name in names:
            rank, seconds = rank_of(name), limits.FLUX_CALL_SECONDS
            self._flux.ask(PING, {}, _no_matter, rank=rank, seconds=seconds)
        self._beats = bool(names)
        if names:
            self._next()


def _no_matter(_: Any) -> None:
    """What tells of a death is not the answer."""


def _nothing() -> None:
    """Nobody has asked to be told yet."""


def _untold(_: Started | Died) -> None:
    """Nobody has asked to be told yet, or any more."""


class NoPrograms:
    """What `coordinator.processes.interface.Programs` asks for: an agent runs no program."""

    def run(
        self,
        command: list[str],  # noqa: ARG002
        environment: dict[str, str],  # noqa: ARG002
        ended: Callable[[int], None],  # noqa: ARG002
    ) -> None:
        raise OSError(_ENOSYS, "an agent runs no program")

    def signal(self, number: int) -> None:
        """None runs."""

    def child_ended(self) -> None:
        """There are no children."""
