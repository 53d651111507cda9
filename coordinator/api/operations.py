# SPDX-License-Identifier: LGPL-3.0-or-later
"""What clients can ask at the door: each operation of the protocol there, checked and answered.

Reads are answered at once from the machine's state.  Changes become requests to the machine, and
the answer follows when it has one.  Nothing that a client sends is trusted, also not the owner's:
what is wrong with a request is said in its answer.
"""

import os
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from coordinator.api import module_status, status
from coordinator.api.fields import (
    BadRequest,
    Fields,
    change_options,
    count,
    dotted,
    key,
    pairs,
    seconds,
    sources,
    text,
    texts,
)
from coordinator.api.lookup import Lookup
from coordinator.core.decisions import Attempt
from coordinator.core.edit import Edit
from coordinator.core.events import Event, Inquired
from coordinator.core.machine import Coordinator
from coordinator.core.members import Member
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
    Request,
    Spec,
    Who,
)
from coordinator.core.typed_text import KINDS
from coordinator.files.provenance import ProvenanceStore
from coordinator.files.reading import Source
from coordinator.ledger.interface import History
from coordinator.runtime.log import Log
from coordinator.runtime.worker import Worker
from protocol import limits
from protocol.configuration import Configuration
from protocol.reasons import Reason

_FIXED = frozenset({"rank", "size", "rundir", "statedir", "local-uri", "modules-uri", "version"})
"""Attributes that say what is so, and those below `broker.` and `config.` likewise."""


class Wanted(NamedTuple):
    """A change on its way to the machine; `sources` have to be merged into `build`'s argument."""

    request: Request | None = None
    sources: tuple[Source, ...] = ()
    build: Callable[[Configuration], Request] | None = None
    attempt: Attempt | None = None
    """What the history is told where the sources cannot even be merged."""


class BrokerHandle(Protocol):
    """What the service needs of the broker."""

    machine: Coordinator
    attributes: dict[str, str]
    refused_start: tuple[Reason, ...]
    """Why the files were refused at the start, each with its place."""
    log: Log

    @property
    def history(self) -> History:
        """The ledger's past; to be used in `history_worker` alone."""

    @property
    def provenance(self) -> ProvenanceStore:
        """Where the keys of configurations were written."""

    @property
    def file_worker(self) -> Worker:
        """Reads and merges files."""

    @property
    def history_worker(self) -> Worker:
        """Looks at the ledger's past, and at files for readers."""

    def feed(self, event: Event) -> None:
        """Give the machine an event."""

    def record_attempt(self, attempt: Attempt) -> None:
        """Write a refused attempt into the history."""

    def resolve(self, name: str) -> str:
        """The module file or bundled name behind what a user typed.  Raises LookupError."""


class Operations:
    """Turns requests into answers or into work."""

    def __init__(self, host: BrokerHandle) -> None:
        self.host = host
        self.lookup = Lookup()
        self._reads: dict[str, Callable[[Fields], Fields]] = {
            "get": self._get,
            "status": self._status,
            "modules": self._modules,
            "module-config": self._module_config,
            "module-describe": self._module_describe,
            "getattr": self._getattr,
            "lsattr": self._lsattr,
            "dmesg": self._dmesg,
            "dump": self._dump,
        }
        self._changes: dict[str, Callable[[Fields, Who], Wanted]] = {
            "reload": self._reload,
            "load": self._load,
            "set": self._set,
            "unset": self._unset,
            "rollback": self._rollback,
            "confirm": self._confirm,
            "module-load": self._module_load,
            "module-remove": self._module_remove,
            "module-configure": self._module_configure,
            "module-reload": self._module_reload,
        }

    def read(self, request: Fields) -> Fields | None:
        """The answer to a reading request; None where it is none.  Raises Wrong."""
        handler = self._reads.get(request["op"])
        return handler(request) if handler else None

    def note(self, request: Fields, uid: int) -> Fields | None:
        """Set an attribute, where that is asked; None where it is not.  Raises Wrong."""
        if request["op"] != "setattr":
            return None
        _only_owner(uid)
        name, value = text(request, "name"), text(request, "value")
        attributes = self.host.attributes
        if name in _FIXED or name.startswith(("broker.", "config.")):
            raise BadRequest(f"{name}: the broker goes by what it was when it started")
        if not name or not name.isprintable() or len(name) > limits.NAME_LENGTH:
            raise BadRequest(f"{name!r:.60} is no name for an attribute")
        if len(value) > limits.REASON_BYTES:
            raise BadRequest(f"{name}: the value is longer than {limits.REASON_BYTES} characters")
        if name not in attributes and len(attributes) >= limits.ATTRIBUTES:
            raise BadRequest(f"there are {limits.ATTRIBUTES} attributes already")
        attributes[name] = value
        return {"value": value}

    def change(self, request: Fields, uid: int, pid: int) -> Wanted:
        """What the machine is to be asked.

        Raises Wrong for an unknown operation, for missing or nonsensical fields, and for anybody
        but the owner.
        """
        handler = self._changes.get(request["op"])
        if handler is None:
            raise BadRequest(f"unknown operation {request['op']!r:.60}")
        _only_owner(uid)
        who = Who(uid, pid, text(request, "command", "")[:1000])
        return handler(request, who)

    # Reads

    def _get(self, request: Fields) -> Fields:
        running = self.host.machine.running
        if running is None:
            raise BadRequest("no configuration is in force yet")
        shown = {"generation": running.generation, "digest": running.configuration.digest}
        if "name" not in request:
            return {**shown, "configuration": self.lookup.at(running, ())}
        try:
            return {**shown, "set": True, "value": self.lookup.at(running, key(request))}
        except KeyError:
            return {**shown, "set": False}

    def _status(self, _: Fields) -> Fields:
        path = self.host.attributes.get("config.path", "")
        told = {**status.status(self.host.machine, time.monotonic()), "path": path}
        if self.host.machine.refused_start:
            told["refused_start"] = [one.as_json() for one in self.host.refused_start]
        return told

    def _dump(self, _: Fields) -> Fields:
        if self.host.machine.running is None:
            raise BadRequest("no configuration is in force yet")
        return status.dump(self.host.machine, self.host.attributes)

    def _modules(self, _: Fields) -> Fields:
        now = time.monotonic()
        return {"modules": [status.module(one, now) for one in self.host.machine.members]}

    def _module_config(self, request: Fields) -> Fields:
        return {"version": 1, **module_status.config(self.member(request))}

    def _module_describe(self, request: Fields) -> Fields:
        member = self.member(request)
        return {"version": 1, "name": member.name, "description": module_status.described(member)}

    def member(self, request: Fields) -> Member:
        """The module that a request names.  Raises Wrong."""
        name = text(request, "name")
        member = self.host.machine.members.get(name)
        if member is None:
            raise BadRequest(f"{name:.60}: no such module is loaded")
        return member

    def inquiry(self, request: Fields, client: int) -> Inquired | None:
        """The question to a module that this request asks; None where it asks another thing."""
        if request["op"] != "module-stats":
            return None
        return Inquired(client, text(request, "name"), seconds(request))

    def _getattr(self, request: Fields) -> Fields:
        name = text(request, "name")
        if name not in self.host.attributes:
            raise BadRequest(f"{name}: no such attribute")
        return {"value": self.host.attributes[name]}

    def _lsattr(self, _: Fields) -> Fields:
        return {"attributes": dict(sorted(self.host.attributes.items()))}

    def _dmesg(self, _: Fields) -> Fields:
        return {"lines": self.host.log.recent()}

    # Changes

    def _reload(self, request: Fields, who: Who) -> Wanted:
        if not self.host.attributes.get("config.path"):
            raise BadRequest(
                "the broker was started without a configuration path; there are no files"
            )
        return Wanted(ChangeRequest(FromFiles(), "reload", who, *change_options(request)))

    def _load(self, request: Fields, who: Who) -> Wanted:
        options = change_options(request)

        def build(candidate: Configuration) -> Request:
            return ChangeRequest(Replacement(candidate), "load", who, *options)

        _, dry_run, message, *_ = options
        base = self.host.machine.generation
        attempt = None if dry_run else Attempt("", base, "", "load", who, message)
        return Wanted(sources=sources(request), build=build, attempt=attempt)

    def _set(self, request: Fields, who: Who) -> Wanted:
        kind = text(request, "type") if request.get("type") is not None else None
        if kind in ("fsd-integer", "fsd-real"):
            raise BadRequest(f"{kind} is a way to print a value, not to set one; use --type=fsd")
        if kind is not None and kind not in KINDS:
            raise BadRequest(f"Unknown type: {kind:.60}")
        edit = Edit(key(request), text(request, "value"), kind)
        return Wanted(ChangeRequest(edit, "set", who, *change_options(request)))

    def _unset(self, request: Fields, who: Who) -> Wanted:
        edit = Edit(key(request), None)
        return Wanted(ChangeRequest(edit, "unset", who, *change_options(request)))

    def _rollback(self, request: Fields, who: Who) -> Wanted:
        asked = request.get("generation")
        number = None if asked is None else count(request, "generation", 0, 2**63 - 1)
        return Wanted(ChangeRequest(Earlier(number), "rollback", who, *change_options(request)))

    def _confirm(self, request: Fields, who: Who) -> Wanted:
        return Wanted(ConfirmRequest(who, seconds(request)))

    def _module_load(self, request: Fields, _: Who) -> Wanted:
        name, path = text(request, "name"), text(request, "path")
        if not name or len(name) > limits.NAME_LENGTH or not name.isprintable():
            raise BadRequest(f"{name!r:.60} is no name for a module")
        given = pairs(request, "arguments")
        if len(given) > limits.ARGUMENTS:
            raise BadRequest(f"a module can be given at most {limits.ARGUMENTS} load arguments")
        if sum(len(key) + len(value) for key, value in given) > limits.ARGUMENTS_LENGTH:
            raise BadRequest(
                f"the load arguments are longer than {limits.ARGUMENTS_LENGTH} characters"
            )
        spec = Spec(self._resolved(path), given)
        return Wanted(LoadRequest(name, spec, seconds(request)))

    def _resolved(self, path: str) -> str:
        try:
            return self.host.resolve(path)
        except LookupError as error:
            raise BadRequest(str(error)) from None

    def _module_configure(self, request: Fields, who: Who) -> Wanted:
        _, dry_run, *_ = change_options(request)
        given = (
            *pairs(request, "set"),
            *((dotted(one), None) for one in texts(request, "unset")),
        )
        if not given:
            raise BadRequest("nothing is to be set or unset")
        return Wanted(
            ConfigureRequest(text(request, "name"), given, who, seconds(request), dry_run)
        )

    def _module_reload(self, request: Fields, _: Who) -> Wanted:
        otherwise = None
        if request.get("path") is not None:
            otherwise = Spec(self._resolved(text(request, "path")))
        return Wanted(ModuleReloadRequest(text(request, "name"), seconds(request), otherwise))

    def _module_remove(self, request: Fields, _: Who) -> Wanted:
        return Wanted(RemoveRequest(text(request, "name"), seconds(request)))


def _only_owner(uid: int) -> None:
    if uid != os.geteuid():
        raise BadRequest("only the owner of the broker may change its configuration")
