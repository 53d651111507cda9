# SPDX-License-Identifier: LGPL-3.0-or-later
"""Flux's own `config` service, served by an agent: `flux config get`, `set`, `load`, `reload`.

The command is flux-core's, in C and unchanged.  The name `config` is held by the front
(`fluxcore.front`), which answers what can be read.  `set` and `unset` arrive as a `get` and a
`load` of the whole on one connection; what was read there comes with it, so that the edit can be
made to what runs when its turn comes.  What is to be changed is asked of whoever is given as
`change`: the machine on rank 0, rank 0 elsewhere.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from fluxcore.front.client import FrontLink
from fluxcore.handle import Failure, Request
from protocol.configuration import Configuration, Unfit

_EINVAL, _EPROTO = 22, 71


class ConfigRequest(NamedTuple):
    """A change that a client of Flux asks for."""

    verb: str
    uid: int
    txid: str
    """The name that its transaction is to have."""
    again: bool = False
    """Whether an agent has died that was asked this: only what became of it is asked."""
    candidate: Configuration | None = None
    """None: what the files say."""
    read: Configuration | None = None
    """What the same connection read before it, if it did."""


Then = Callable[[Failure | None], None]
"""Called with why not, or None when it is done."""
Change = Callable[[ConfigRequest, Then], Callable[[], None]]
"""Asks for a change; returns what withdraws it."""


class ConfigService:
    """The service of one rank, from `open` on."""

    def __init__(
        self, link: FrontLink, in_force: Callable[[], tuple[Configuration, int]], change: Change
    ) -> None:
        """`in_force` is what this rank runs, and its generation."""
        self._link = link
        self._in_force = in_force
        self._change = change
        self._withdraw: dict[str, Callable[[], None]] = {}
        self._encoded = ("", "")
        self.is_open = False
        link.asked, link.withdrawn = self._asked, self._withdrawn

    def open(self) -> bool:
        """Have the front serve; True if it has taken the name from Flux now.

        Raises NoFront.
        """
        self.is_open = True
        return self.changed()

    def changed(self) -> bool:
        """This rank runs something else: when this returns, whoever reads is told so."""
        running, generation = self._in_force()
        if self._encoded[0] != running.digest:
            self._encoded = running.digest, json.dumps(running.plain())
        return self._link.publish(self._encoded[1], generation)

    def _asked(self, fields: dict[str, Any], texts: list[str]) -> None:
        txid: str = fields["txid"]
        try:
            trees = [configuration_in(text) for text in texts]
        except ValueError as unfit:
            self._link.answer(txid, _EINVAL, str(unfit))
            return
        candidate, read = (*trees, None, None)[:2]
        wanted = ConfigRequest(fields["verb"], fields["uid"], txid, fields["again"],
                               candidate, read)  # fmt: skip
        answered = False

        def then(failure: Failure | None) -> None:
            nonlocal answered
            answered = True
            self._withdraw.pop(txid, None)
            number, text = (failure.number or _EINVAL, failure.text) if failure else (0, "")
            self._link.answer(txid, number, text)

        withdraw = self._change(wanted, then)
        if not answered:
            self._withdraw[txid] = withdraw

    def _withdrawn(self, txid: str) -> None:
        withdraw = self._withdraw.pop(txid, None)
        if withdraw is not None:
            withdraw()


def finish(request: Request, failure: Failure | None) -> None:
    """Answer it, well or not."""
    if failure is None:
        request.answer()
    else:
        request.refuse(failure.number or _EINVAL, failure.text)


def configuration_in(text: str) -> Configuration:
    """The configuration that this JSON text is.  Raises ValueError, with why not."""
    try:
        return Configuration.of(json.loads(text))
    except Unfit as unfit:
        raise ValueError(f"config: {unfit}") from None
    except (ValueError, TypeError):
        raise ValueError("config: the request holds no configuration") from None
