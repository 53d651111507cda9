# SPDX-License-Identifier: LGPL-3.0-or-later
"""Flux's own `config` service, served by an agent: `flux config get`, `set`, `load`, `reload`.

The command is flux-core's, in C and unchanged.  `set` and `unset` arrive as a `get` and a `load` of
the whole on one connection; what was read there is remembered, so that the edit can be made to
what runs when its turn comes.  A reading request is answered from what this rank runs.  What is to
be changed is asked of whoever is given as `change`: the machine on rank 0, rank 0 elsewhere.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from fluxcore.handle import Failure, Flux, Request, parsed
from protocol import limits
from protocol.configuration import Configuration, Unfit

SERVICE = "config"
_EINVAL, _EPROTO, _EEXIST, _ENOENT = 22, 71, 17, 2


class ConfigRequest(NamedTuple):
    """A change that a client of Flux asks for."""

    verb: str
    uid: int
    candidate: Configuration | None = None
    """None: what the files say."""
    read: Configuration | None = None
    """What the same connection read before it, if it did."""


Then = Callable[[Failure | None], None]
"""Called with why not, or None when it is done."""


class ConfigService:
    """Holds the name `config` on one rank, from `open` to `give_back`."""

    def __init__(
        self,
        flux: Flux,
        in_force: Callable[[], Configuration],
        change: Callable[[ConfigRequest, Then], Callable[[], None]],
    ) -> None:
        """`in_force` is what this rank runs.  `change` returns what withdraws the request."""
        self._flux = flux
        self._in_force = in_force
        self._change = change
        self._read: dict[str, Configuration] = {}
        self._readers: list[Request] = []
        self._withdraw: dict[int, tuple[str, Callable[[], None]]] = {}
        self._numbers = 0
        self._encoded = ("", "")
        self.is_open = False
        flux.serve("config.get", self._get, guests=True)
        flux.serve("config.disconnect", self._disconnected, guests=True)
        flux.serve("config.load", self._load)
        flux.serve("config.reload", self._reload)

    # The name

    def open(self) -> None:
        """Take the name over from Flux's built-in module, if that is there.  Raises OSError."""
        try:
            self._flux.call("module.remove", {"name": SERVICE})
        except OSError as error:
            if error.errno != _ENOENT:
                raise
        self._flux.add_service(SERVICE)
        self.is_open = True

    def give_back(self) -> None:
        """Let Flux's built-in module serve again; it starts with what its broker was told last."""
        if self.is_open:
            self.is_open = False
            self._flux.remove_service(SERVICE)
        self._flux.call("module.load", {"path": SERVICE, "args": [], "exec": False})

    # Reading

    def changed(self) -> None:
        """This rank runs something else: tell those who keep on reading."""
        for reader in self._readers:
            reader.answer(self._text())

    def _text(self) -> str:
        running = self._in_force()
        if self._encoded[0] != running.digest:
            self._encoded = running.digest, json.dumps(running.plain())
        return self._encoded[1]

    def _get(self, request: Request) -> None:
        request.answer(self._text())
        if request.is_streaming:
            self._readers.append(request)
        self._read.pop(request.sender, None)
        self._read[request.sender] = self._in_force()
        if len(self._read) > limits.CONFIG_READERS:
            del self._read[next(iter(self._read))]

    def _disconnected(self, request: Request) -> None:
        sender = request.sender
        self._read.pop(sender, None)
        self._readers = [reader for reader in self._readers if not request.ends(reader)]
        for number, (asker, withdraw) in list(self._withdraw.items()):
            if asker == sender:
                del self._withdraw[number]
                withdraw()

    # Changing

    def _load(self, request: Request) -> None:
        wanted = configuration_of(request)
        if wanted is not None:
            read = self._read.get(request.sender)
            self._ask(request, ConfigRequest("load", request.userid, wanted, read))

    def _reload(self, request: Request) -> None:
        self._ask(request, ConfigRequest("reload", request.userid))

    def _ask(self, request: Request, wanted: ConfigRequest) -> None:
        self._numbers += 1
        number, answered = self._numbers, False

        def then(failure: Failure | None) -> None:
            nonlocal answered
            answered = True
            self._withdraw.pop(number, None)
            finish(request, failure)

        withdraw = self._change(wanted, then)
        if not answered:
            self._withdraw[number] = request.sender, withdraw


def finish(request: Request, failure: Failure | None) -> None:
    """Answer it, well or not."""
    if failure is None:
        request.answer()
    else:
        request.refuse(failure.number or _EINVAL, failure.text)


def configuration_of(request: Request, field: str = "") -> Configuration | None:
    """The configuration that is sent; where it is none the request is refused."""
    try:
        tree: Any = parsed(request.text)
        return Configuration.of(tree[field] if field else tree)
    except Unfit as unfit:
        request.refuse(_EINVAL, f"config: {unfit}")
    except (ValueError, KeyError, TypeError):
        request.refuse(_EPROTO, "config: the request holds no configuration")
    return None
