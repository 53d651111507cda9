# SPDX-License-Identifier: LGPL-3.0-or-later
"""Who belongs to the instance and how its brokers reach each other: flux-config-bootstrap(5).

The broker reads this table before any module, so it is judged at start only.  Every fault has one
key; a million hosts with one bad default are one fault.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AfterValidator, ValidationError

from participant.module import Reject
from participant.modules.tables.base import UNDERSCORES, StrictTable
from participant.settings.field import Field
from participant.settings.types import Hostlist, Int32, PathText
from protocol.formats.quoted import quoted
from protocol.frozen import thaw
from protocol.keys import Path

HOSTS: Final = 1 << 18
"""Hosts that all entries together may list; each is looked at one by one."""
ENDPOINT_BYTES: Final = 2048
IPC_PATH_BYTES: Final = 108

_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
_NAME_IN_WORDS = (
    "it must be labels of 1 to 63 letters, digits and inner dashes, with dots between, "
    "of at most 253 bytes"
)


def _port(number: int) -> int:
    if not -1 <= number <= 65535:
        raise ValueError(f"must be a port, 0 to 65535, or -1 for none, not {number}")
    return number


class HostEntry(StrictTable):
    """One element of `bootstrap.hosts`."""

    host: Hostlist = Field(description="the hosts that this entry is about")
    bind: str | None = Field(None, description="endpoint to listen on; %h host, %p port")
    connect: str | None = Field(None, description="endpoint that children connect to")
    parent: str | None = Field(None, description="the host that these connect to; default rank 0")


class Bootstrap(StrictTable):
    """The table `bootstrap`."""

    model_config = UNDERSCORES

    enable_ipv6: bool = Field(False, description="resolve names to IPv6 addresses, too")
    curve_cert: PathText | None = Field(
        None, description="certificate that all brokers share; needed for two hosts or more"
    )
    default_port: Annotated[Int32, AfterValidator(_port)] = Field(
        -1, description="what %p stands for, 0 to 65535; -1 for none"
    )
    default_bind: str | None = Field(None, description="bind, for hosts that have none")
    default_connect: str | None = Field(None, description="connect, for hosts that have none")
    hosts: list[HostEntry] = Field(
        default_factory=list, description="the hosts in the order of their ranks; none: one broker"
    )


@dataclass(slots=True)
class Host:
    """One host, all of its entries taken together; each value with the key that it stands at."""

    bind: tuple[str, Path] | None = None
    connect: tuple[str, Path] | None = None
    parent: tuple[str, Path] | None = None


def members(config: Mapping[str, Any]) -> list[str] | None:
    """The hosts that `bootstrap` lists, by rank; None where there is no (readable) such table."""
    try:
        table = Bootstrap.model_validate(thaw(config["bootstrap"]))
    except (KeyError, ValidationError):
        return None
    return list(dict.fromkeys(_names(table)))


def objections(bootstrap: Bootstrap, local_host: str) -> list[Reject]:
    """All that is wrong with the table on the host `local_host`, but for its certificate."""
    if sum(len(entry.host) for entry in bootstrap.hosts) > HOSTS:
        return [_reject(f"must not list more than {HOSTS} hosts", ("hosts",))]
    found: dict[Path, str] = {}
    hosts = _hosts(bootstrap)
    for key, message in chain(
        _check_names(bootstrap),
        _check_endpoints(bootstrap, hosts),
        _check_leader(bootstrap, hosts),
        _check_parents(hosts),
    ):
        found.setdefault(key, message)
    if hosts and local_host not in hosts:
        found.setdefault(("hosts",), f"must list this host, {local_host}")
    if len(hosts) > 1 and bootstrap.curve_cert is None:
        found[("curve_cert",)] = "is required for two hosts or more"
    return [_reject(message, key) for key, message in found.items()]


def _reject(message: str, key: Path) -> Reject:
    return Reject(message, key=key, table="bootstrap")


def _names(bootstrap: Bootstrap) -> Iterator[str]:
    for entry in bootstrap.hosts:
        yield from entry.host


def _hosts(bootstrap: Bootstrap) -> dict[str, Host]:
    """The hosts by rank.  What an earlier entry says of a host stays; a later one may add to it."""
    hosts: dict[str, Host] = {}
    for number, entry in enumerate(bootstrap.hosts):
        for name in entry.host:
            host = hosts.setdefault(name, Host())
            for key in ("bind", "connect", "parent"):
                value = getattr(entry, key)
                if value is not None and getattr(host, key) is None:
                    setattr(host, key, (value, ("hosts", number, key)))
    return hosts


_Faults: TypeAlias = Iterator[tuple[Path, str]]


def _check_names(bootstrap: Bootstrap) -> _Faults:
    for number, entry in enumerate(bootstrap.hosts):
        bad = next((name for name in entry.host if not _NAME.fullmatch(name)), None)
        if bad is not None:
            yield ("hosts", number, "host"), f"{quoted(bad)} is no host name: {_NAME_IN_WORDS}"


def _check_endpoints(bootstrap: Bootstrap, hosts: dict[str, Host]) -> _Faults:
    judged: set[Path] = set()
    for name, host in hosts.items():
        for kind in ("bind", "connect"):
            text, key = endpoint(bootstrap, host, kind)
            if text is None or key in judged:
                continue
            why = _fault_of_endpoint(_expanded(text, name, bootstrap.default_port))
            if why:
                judged.add(key)
                yield key, f"is no endpoint for {name}: {why}"


def endpoint(bootstrap: Bootstrap, host: Host, kind: str) -> tuple[str | None, Path]:
    """The `kind` ("bind" or "connect") that applies to a host, and the key that it stands at."""
    own: tuple[str, Path] | None = getattr(host, kind)
    return own if own else (getattr(bootstrap, f"default_{kind}"), (f"default_{kind}",))


def _expanded(text: str, host: str, port: int) -> str:
    values = {"%h": host, "%%": "%"} | ({} if port == -1 else {"%p": str(port)})
    return re.sub("%.", lambda token: values.get(token[0], token[0]), text, flags=re.DOTALL)


def _fault_of_endpoint(text: str) -> str | None:
    if len(text.encode()) > ENDPOINT_BYTES:
        return f"it is longer than {ENDPOINT_BYTES} bytes"
    if ":*" in text:
        return "the port must be a number, not *"
    if text.startswith("tcp://"):
        return None if len(text) > len("tcp://") else "an address must follow tcp://"
    if text.startswith("ipc://"):
        length = len(text.encode()) - len("ipc://")
        if not 1 <= length <= IPC_PATH_BYTES:
            return f"a path of 1 to {IPC_PATH_BYTES} bytes must follow ipc://"
        return None
    return "it must begin with tcp:// or ipc://"


def _check_leader(bootstrap: Bootstrap, hosts: dict[str, Host]) -> _Faults:
    """Others reach rank 0, so it must say where."""
    if len(hosts) < 2:
        return
    name, leader = next(iter(hosts.items()))
    for kind in ("bind", "connect"):
        if endpoint(bootstrap, leader, kind)[0] is None:
            yield ("hosts", 0, kind), f"is required: {name} is rank 0, to which others connect"


def _check_parents(hosts: dict[str, Host]) -> _Faults:
    """Following parents from any host must end at rank 0."""
    leader = next(iter(hosts), None)
    reached = {leader}
    for name, host in hosts.items():
        if host.parent is None:
            reached.add(name)
        elif name == leader:
            yield host.parent[1], f"{name} is rank 0, which has no parent"
        elif host.parent[0] not in hosts:
            yield host.parent[1], f"{quoted(host.parent[0])} is not a listed host"
    for name in hosts:
        way: dict[str, Path] = {}
        here = name
        while here not in reached and here in hosts:
            parent = hosts[here].parent
            assert parent is not None
            if here in way:
                yield way[here], f"{here} would be its own ancestor"
                break
            way[here] = parent[1]
            here = parent[0]
        reached.update(way)
