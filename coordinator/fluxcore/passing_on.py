# SPDX-License-Identifier: LGPL-3.0-or-later
"""From any rank to rank 0: what was asked of a rank's `config` service, and the answer back.

A request to a client that dies is never answered, so the one who waits here is told when rank 0's
agent is gone; what became of the change, only the ledger knows then.
"""

from collections.abc import Callable
from typing import Any

from coordinator.fluxcore.service import ConfigRequest, Then, finish
from fluxcore.framing import CHANGE
from fluxcore.handle import Failure, Flux, Request, parsed
from protocol import limits
from protocol.configuration import Configuration, Unfit

_EIO, _ETIMEDOUT, _EPROTO = 5, 110, 71
_UNKNOWN = "it is not known whether the change was made; see `flux accord config history`"


class PassingOn:
    """The way to the coordinator, on a rank that has none."""

    def __init__(self, flux: Flux) -> None:
        self._flux = flux
        self._waiting: dict[int, Then] = {}
        self._numbers = 0

    def change(self, wanted: ConfigRequest, then: Then) -> Callable[[], None]:
        """Ask rank 0; what is decided there cannot be withdrawn from here."""
        self._numbers += 1
        number = self._numbers
        self._waiting[number] = then
        fields = {
            "verb": wanted.verb,
            "uid": wanted.uid,
            "config": wanted.candidate.plain() if wanted.candidate else None,
            "read": wanted.read.plain() if wanted.read else None,
        }
        self._flux.ask(CHANGE, fields, lambda answer: self._answered(number, answer),
                       rank=0, seconds=limits.PASSED_ON_SECONDS)  # fmt: skip
        return _nothing

    def _answered(self, number: int, answer: Any) -> None:
        then = self._waiting.pop(number, None)
        if then is None:
            return
        if isinstance(answer, Failure) and answer.number == _ETIMEDOUT:
            answer = Failure(_ETIMEDOUT, f"rank 0 has not answered in time; {_UNKNOWN}")
        then(answer if isinstance(answer, Failure) else None)

    def coordinator_is_gone(self) -> None:
        """Nobody will answer any more."""
        for number in list(self._waiting):
            self._answered(number, Failure(_EIO, f"rank 0's agent is gone; {_UNKNOWN}"))


def serve_passed_on(
    flux: Flux, change: Callable[[ConfigRequest, Then], Callable[[], None]]
) -> None:
    """On rank 0: have what other ranks pass on answered, too."""

    def asked(request: Request) -> None:
        try:
            fields = parsed(request.text)
            wanted = ConfigRequest(
                str(fields["verb"]),
                int(fields["uid"]),
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
