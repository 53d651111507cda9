"""What clients can ask at the door: each operation of the protocol there, checked and answered.

Reads are answered at once from the machine's state.  Changes become requests to the machine, and
the answer follows when it has one.  Nothing that a client sends is trusted, also not the owner's:
what is wrong with a request is said in its answer.
"""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from coordinator import views
from coordinator.changes import (
    ChangeRequest,
    FromFiles,
    LoadRequest,
    RemoveRequest,
    Replacement,
    Request,
    Spec,
    Who,
)
from coordinator.log import Log
from coordinator.machine import Coordinator
from coordinator.sources import Source, Unreadable
from protocol import limits
from protocol.configuration import Configuration
from protocol.reasons import Reason

Fields = dict[str, Any]


class Wrong(Exception):
    """The request cannot be served; the text says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change on its way to the machine; `sources` have to be merged into `build`'s argument."""

    request: Request | None = None
    sources: tuple[Source, ...] = ()
    build: Callable[[Configuration], Request] | None = None


class Host(Protocol):
    """What the service needs of the broker."""

    machine: Coordinator
    attributes: dict[str, str]
    log: Log

    def resolve(self, name: str) -> str:
        """The module file or bundled name behind what a user typed."""


class Service:
    """Turns requests into answers or into work."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._reads: dict[str, Callable[[Fields], Fields]] = {
            "get": self._get,
            "status": self._status,
            "modules": self._modules,
            "getattr": self._getattr,
            "lsattr": self._lsattr,
            "dmesg": self._dmesg,
        }
        self._changes: dict[str, Callable[[Fields, Who], Wanted]] = {
            "reload": self._reload,
            "load": self._load,
            "module-load": self._module_load,
            "module-remove": self._module_remove,
        }

    def read(self, request: Fields) -> Fields | None:
        """The answer to a reading request; None where it is none.  Raises Wrong."""
        handler = self._reads.get(request["op"])
        return handler(request) if handler else None

    def change(self, request: Fields, uid: int, pid: int) -> Wanted:
        """What the machine is to be asked.

        Raises Wrong for an unknown operation, for missing or nonsensical fields, and for anybody
        but the owner.
        """
        handler = self._changes.get(request["op"])
        if handler is None:
            raise Wrong(f"unknown operation {request['op']!r:.60}")
        if uid != os.geteuid():
            raise Wrong("only the owner of the broker may change its configuration")
        who = Who(uid, pid, text(request, "command", "")[:1000])
        return handler(request, who)

    # Reads

    def _get(self, _: Fields) -> Fields:
        running = self.host.machine.running
        if running is None:
            raise Wrong("no configuration is in force yet")
        return {
            "generation": running.generation,
            "digest": running.configuration.digest,
            "configuration": running.configuration.plain(),
        }

    def _status(self, _: Fields) -> Fields:
        return views.status(self.host.machine, time.monotonic())

    def _modules(self, _: Fields) -> Fields:
        now = time.monotonic()
        return {"modules": [views.module(one, now) for one in self.host.machine.roster]}

    def _getattr(self, request: Fields) -> Fields:
        name = text(request, "name")
        if name not in self.host.attributes:
            raise Wrong(f"{name}: no such attribute")
        return {"value": self.host.attributes[name]}

    def _lsattr(self, _: Fields) -> Fields:
        return {"attributes": dict(sorted(self.host.attributes.items()))}

    def _dmesg(self, _: Fields) -> Fields:
        return {"lines": list(self.host.log.recent)}

    # Changes

    def _reload(self, request: Fields, who: Who) -> Wanted:
        if not self.host.attributes.get("config.path"):
            raise Wrong("the broker was started without a configuration path; there are no files")
        return Wanted(ChangeRequest(FromFiles(), "reload", who, *_options(request)))

    def _load(self, request: Fields, who: Who) -> Wanted:
        options = _options(request)

        def build(candidate: Configuration) -> Request:
            return ChangeRequest(Replacement(candidate), "load", who, *options)

        return Wanted(sources=_sources(request), build=build)

    def _module_load(self, request: Fields, _: Who) -> Wanted:
        name, path = text(request, "name"), text(request, "path")
        if not name or len(name) > limits.NAME_LENGTH or not name.isprintable():
            raise Wrong(f"{name!r:.60} is no name for a module")
        arguments = request.get("arguments", [])
        if not isinstance(arguments, list) or len(arguments) > limits.ARGUMENTS:
            raise Wrong("the load arguments are no list, or too many")
        pairs = []
        for argument in arguments:
            key, equals, value = str(argument).partition("=")
            if not equals or not key:
                raise Wrong(f"{argument!r:.60} is no load argument; write KEY=VALUE")
            pairs.append((key, value))
        spec = Spec(self.host.resolve(path), tuple(pairs))
        return Wanted(LoadRequest(name, spec, seconds(request)))

    def _module_remove(self, request: Fields, _: Who) -> Wanted:
        return Wanted(RemoveRequest(text(request, "name"), seconds(request)))


# Fields


def text(request: Fields, name: str, default: str | None = None) -> str:
    """A string field.  Raises Wrong."""
    value = request.get(name, default)
    if not isinstance(value, str) or len(value) > limits.LINE_BYTES:
        raise Wrong(f"the field {name} must be a string")
    return value


def seconds(request: Fields) -> float:
    """The field `timeout`, in seconds.  Raises Wrong."""
    value = request.get("timeout", limits.PREPARE_SECONDS)
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not 0 < value <= limits.LONGEST_SECONDS:
        raise Wrong(f"the timeout must be more than 0 and at most {limits.LONGEST_SECONDS:g} s")
    return float(value)


def _options(request: Fields) -> tuple[float, bool, str]:
    dry_run = request.get("dry_run", False)
    if not isinstance(dry_run, bool):
        raise Wrong("the field dry_run must be a boolean")
    return seconds(request), dry_run, text(request, "message", "")[:1000]


def _sources(request: Fields) -> tuple[Source, ...]:
    given = request.get("sources")
    if not isinstance(given, list) or len(given) > limits.SOURCE_FILES:
        raise Wrong("the field sources must be a list")
    sources = []
    for one in given:
        if not isinstance(one, dict):
            raise Wrong("a source must be an object")
        form = text(one, "format")
        if form not in ("toml", "json"):
            raise Wrong(f"{form!r:.20} is no format")
        body = text(one, "text").encode(errors="surrogateescape")
        if len(body) > limits.SOURCE_BYTES:
            reason = Reason("config", f"{len(body)} bytes; at most {limits.SOURCE_BYTES} are read")
            raise Unreadable((reason,))
        sources.append(Source(text(one, "name"), body, "toml" if form == "toml" else "json"))
    return tuple(sources)
