# SPDX-License-Identifier: LGPL-3.0-or-later
"""From any rank to rank 0: what was asked of a rank's `config` service, and the answer back.

A request to a client that dies is never answered.  So when rank 0's agent has died and another one
serves, it is asked again, by the name of the change: it knows from the ledger what became of it.
"""

from collections.abc import Callable, Iterable
from typing import Any

from coordinator.fluxcore.service import Change, ConfigRequest, Then, finish
from coordinator.runtime.loop import Timers
from fluxcore.framing import CHANGE, PING
from fluxcore.handle import Failure, Flux, Request, parsed
from protocol import limits
from protocol.configuration import Configuration, Unfit

_EIO, _ETIMEDOUT, _EPROTO, _ENOSYS, _EHOSTUNREACH = 5, 110, 71, 38, 113
_AWAY = frozenset({_ENOSYS, _EHOSTUNREACH})
_UNKNOWN = "it is not known whether the change was made; `flux accord config history` will tell"


class PassingOn:
    """The way to the coordinator, on a rank that has none."""

    def __init__(self, flux: Flux, timers: Timers) -> None:
        self._flux = flux
        self._timers = timers
        self._waiting: dict[str, tuple[ConfigRequest, Then]] = {}
        self._asked: dict[str, int] = {}
        """How often each has been asked for: only the last answer counts."""
        self._is_away = False
        """Whether rank 0 has no agent."""
        self._due: dict[str, float] = {}
        """Until when each waits for another one."""
        self._pings = False

    def change(self, wanted: ConfigRequest, then: Then) -> Callable[[], None]:
        """Ask rank 0; what is decided there cannot be withdrawn from here."""
        self._waiting[wanted.txid] = wanted, then
        if self._is_away:
            self._allow([wanted.txid])
        else:
            self._ask(wanted)
        return _nothing

    def _ask(self, wanted: ConfigRequest) -> None:
        txid = wanted.txid
        number = self._asked[txid] = self._asked.get(txid, 0) + 1
        fields = {
            "verb": wanted.verb,
            "uid": wanted.uid,
            "txid": txid,
            "again": wanted.again,
            "config": wanted.candidate.plain() if wanted.candidate else None,
            "read": wanted.read.plain() if wanted.read else None,
        }

        def answered(answer: Any) -> None:
            if self._asked.get(txid) == number:
                self._answered(txid, answer)

        self._flux.ask(CHANGE, fields, answered, rank=0, seconds=limits.PASSED_ON_SECONDS)
        if not self._pings:
            self._pings = True
            self._timers.call_at(self._timers.now() + limits.AGENT_PING_SECONDS, self._ping)

    def _ping(self) -> None:
        """Ask rank 0's agent whether it is there: what it is to answer may take its time."""
        asked = dict(self._asked)
        if not asked or self._is_away:
            self._pings = False
            return

        def said(answer: Any) -> None:
            if isinstance(answer, Failure) and answer.number == _ETIMEDOUT:
                for txid in [txid for txid, number in asked.items()
                             if self._asked.get(txid) == number]:  # fmt: skip
                    self._give_up(txid, "stands still")
            self._timers.call_at(self._timers.now() + limits.AGENT_PING_SECONDS, self._ping)

        self._flux.ask(PING, {}, said, rank=0, seconds=limits.AGENT_STILL_SECONDS)

    def _give_up(self, txid: str, why: str) -> None:
        told = f"rank 0's agent {why}; {_UNKNOWN}, by its txid {txid}"
        self._answered(txid, Failure(_EIO, told))

    def _answered(self, txid: str, answer: Any) -> None:
        if isinstance(answer, Failure) and answer.number in _AWAY:
            self.coordinator_is_gone()
            return
        if isinstance(answer, Failure) and answer.number == _ETIMEDOUT:
            told = f"rank 0 has not answered in time; {_UNKNOWN}, by its txid {txid}"
            answer = Failure(_ETIMEDOUT, told)
        self._asked.pop(txid, None)
        self._due.pop(txid, None)
        _, then = self._waiting.pop(txid)
        then(answer if isinstance(answer, Failure) else None)

    def coordinator_is_gone(self) -> None:
        """Nobody answers until there is another."""
        if not self._is_away:
            self._is_away = True
            self._allow(self._waiting)

    def _allow(self, txids: Iterable[str]) -> None:
        moment = self._timers.now() + limits.AGENT_AWAY_SECONDS
        self._due |= dict.fromkeys(txids, moment)
        self._timers.call_at(moment, self._look)

    def _look(self) -> None:
        now = self._timers.now()
        for txid in [txid for txid, due in self._due.items() if due <= now]:
            if txid in self._asked:
                self._give_up(txid, "is gone")
            else:
                self._answered(txid, Failure(_EIO, "rank 0's agent is gone; nothing changed"))

    def coordinator_is_new(self) -> None:
        """Another life of it serves: ask it what became of all that was asked of the former one."""
        self._is_away = False
        self._due.clear()
        for txid, (wanted, then) in list(self._waiting.items()):
            again = wanted._replace(again=wanted.again or txid in self._asked)
            self._waiting[txid] = again, then
            self._ask(again)

    def served(self, ranks: frozenset[int]) -> None:
        """These ranks have an agent, as Flux tells: later than the agents themselves."""
        if 0 not in ranks:
            self.coordinator_is_gone()
        elif self._is_away:
            self.coordinator_is_new()


def serve_passed_on(flux: Flux, change: Change) -> None:
    """On rank 0: have what other ranks pass on answered, too."""

    def asked(request: Request) -> None:
        try:
            fields = parsed(request.text)
            wanted = ConfigRequest(
                str(fields["verb"]),
                int(fields["uid"]),
                str(fields["txid"]),
                bool(fields["again"]),
                _configuration(fields["config"]),
                _configuration(fields["read"]),
            )
        except Unfit as unfit:
            request.refuse(_EPROTO, f"config: {unfit}")
        except (ValueError, KeyError, TypeError):
            request.refuse(_EPROTO, "that is no change that an agent passes on")
        else:
            change(wanted, lambda failure: finish(request, failure))

    flux.serve(CHANGE, asked)


def _configuration(tree: Any) -> Configuration | None:
    return None if tree is None else Configuration.of(tree)


def _nothing() -> None:
    """It is not in our hands any more."""
