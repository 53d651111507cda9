# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a configuration says there is to compute with: hosts, and each host's cores and gpus.

Written either as the array `resource.config` or as a file in Flux's format R (RFC 20).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import ValidationError

from participant.module import Reject
from participant.modules.tables.base import LaxTable, StrictTable
from participant.settings.field import Field
from participant.settings.types import Hostlist, IdSet, without
from protocol.formats.hostlist import Hosts
from protocol.formats.idset import Ids
from protocol.keys import Path

HOSTS: Final = 1 << 21
"""Hosts that all entries together may name, each as often as it is named."""

_NOTHING = Ids()


class Entry(StrictTable):
    """One element of `resource.config`."""

    hosts: Hostlist = Field(description="the hosts that this entry is about")
    cores: IdSet = Field("", description="their cores")
    gpus: IdSet = Field("", description="their gpus")
    properties: list[Annotated[str, without("^&'\"`|()")]] = Field(
        default_factory=list, description="their properties, which queues may require"
    )


@dataclass(frozen=True, slots=True)
class Inventory:
    """Hosts in the order of their ranks, and how many cores and gpus they have together."""

    hosts: tuple[str, ...]
    cores: int
    gpus: int


@dataclass(slots=True)
class _Account:
    """What hosts with the same history have; shared by all of them, since they may be a million."""

    cores: Ids = _NOTHING
    gpus: Ids = _NOTHING
    entered: "dict[int, tuple[_Account, str | None]]" = field(default_factory=dict)

    def enter(self, number: int, entry: Entry) -> "tuple[_Account, str | None]":
        """The account after entry `number`; and "cores" or "gpus" where it gives some again."""
        if number not in self.entered:
            account = _Account(self.cores | entry.cores, self.gpus | entry.gpus)
            clash = None
            if len(account.cores) < len(self.cores) + len(entry.cores):
                clash = "cores"
            elif len(account.gpus) < len(self.gpus) + len(entry.gpus):
                clash = "gpus"
            self.entered[number] = account, clash
        return self.entered[number]


def of_entries(entries: Sequence[Entry]) -> Inventory | list[Reject]:
    """The inventory that `resource.config` describes, or all that is wrong with it."""
    if not entries:
        return [Reject("must have at least one entry", key=("config",))]
    if sum(len(entry.hosts) for entry in entries) > HOSTS:
        return [Reject(f"the entries name more than {HOSTS} hosts", key=("config",))]
    accounts: dict[str, _Account] = {}
    blank = _Account()
    rejects: list[Reject] = []
    for number, entry in enumerate(entries):
        rejects += _enter(accounts, blank, number, entry)
    if rejects:
        return rejects
    poor = [name for name, account in accounts.items() if not (account.cores or account.gpus)]
    if poor:
        return [Reject(f"{_some(poor)} must have at least one core or gpu", key=("config",))]
    return Inventory(
        tuple(accounts),
        sum(len(account.cores) for account in accounts.values()),
        sum(len(account.gpus) for account in accounts.values()),
    )


def _enter(
    accounts: dict[str, _Account], blank: _Account, number: int, entry: Entry
) -> Iterable[Reject]:
    """Enter an entry into its hosts' accounts; yields at most one reject of each kind."""
    where: Path = ("config", number)
    names = list(entry.hosts)
    if not names:
        yield Reject("must name at least one host", key=(*where, "hosts"))
    if len(set(names)) < len(names):
        seen: set[str] = set()
        twice = next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        yield Reject(f"names {twice} more than once", key=(*where, "hosts"))
        return
    clashes: dict[str, str] = {}
    for name in names:
        accounts[name], clash = accounts.get(name, blank).enter(number, entry)
        if clash:
            clashes.setdefault(clash, name)
    for kind, name in clashes.items():
        yield Reject(f"{name} was given some of these {kind} before", key=(*where, kind))


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more hosts"


class _Children(LaxTable):
    core: IdSet = Field("", validate_default=True)
    gpu: IdSet = Field("", validate_default=True)


class _Ranks(LaxTable):
    rank: IdSet
    children: _Children


class _Execution(LaxTable):
    r_lite: list[_Ranks] = Field(alias="R_lite")
    nodelist: list[Hostlist]


class _R(LaxTable):
    version: int
    execution: _Execution


def of_r(document: Any) -> Inventory | str:
    """The inventory in a document in format R, or a sentence that says why it is none."""
    try:
        r = _R.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        return f"is not in format R: {where}: {first['msg']}"
    if r.version != 1:
        return f"is not in format R, version 1, but version {r.version}"
    ranks = sum(len(entry.rank) for entry in r.execution.r_lite)
    if sum(len(hosts) for hosts in r.execution.nodelist) != ranks or ranks > HOSTS:
        return "is not in format R: its node list does not name one host for each rank"
    return Inventory(
        tuple(name for hosts in r.execution.nodelist for name in hosts),
        sum(len(entry.rank) * len(entry.children.core) for entry in r.execution.r_lite),
        sum(len(entry.rank) * len(entry.children.gpu) for entry in r.execution.r_lite),
    )


def excluded(text: str, size: int, inventory: Inventory | None) -> str | None:
    """Why `text` cannot be excluded from an instance of `size` brokers; None where it can."""
    try:
        ranks = Ids.parse(text)
    except ValueError:
        return _excluded_hosts(text, inventory)
    if ranks.ranges and ranks.ranges[-1][1] >= size:
        return f"rank {ranks.ranges[-1][1]} does not exist: the highest one is {size - 1}"
    return None


def _excluded_hosts(text: str, inventory: Inventory | None) -> str | None:
    try:
        hosts = Hosts.parse(text)
    except ValueError as error:
        return f"is neither an idset nor a hostlist: {error}"
    if inventory is None:
        return "can name hosts only where path or config is set"
    known = set(inventory.hosts)
    unknown = [name for name in hosts if name not in known]
    return f"{_some(unknown)} must be among the configured hosts" if unknown else None
