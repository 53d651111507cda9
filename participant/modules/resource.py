# SPDX-License-Identifier: LGPL-3.0-or-later
"""What there is to compute with: flux-config-resource(5) and flux-config-fake-resources(5)."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, NoReturn

from pydantic import BeforeValidator

from participant.module import Reject, Rejects
from participant.modules.tables import bootstrap, fake_resources
from participant.modules.tables.base import LaxTable, StrictTable
from participant.modules.tables.conditional import AT_START, ConditionalModule
from participant.modules.tables.counters import seconds
from participant.modules.tables.fake_resources import FakeResources
from participant.modules.tables.files import read_file
from participant.modules.tables.inventory import Entry, Inventory, excluded, of_entries, of_r
from participant.settings.field import Field
from participant.settings.types import FSD, Int32, PathText, one_of
from protocol.keys import Path

LONGEST_FILE: Final = 256 * 1024 * 1024
"""Bytes of the largest file that `path` or `scheduling` may name."""

_MODES = one_of("strict", "allow-extra", "allow-missing", "ignore")


class Verify(StrictTable):
    """How the resources found are compared with those configured."""

    default: Annotated[str, _MODES] = Field("allow-extra", description="for what is not named")
    hostname: Annotated[str, _MODES] = Field("strict", description="for host names")
    core: Annotated[str, _MODES] | None = Field(None, description="for cores")
    gpu: Annotated[str, _MODES] = Field("ignore", description="for gpus")


def _verify(value: Any) -> Any:
    if isinstance(value, bool):
        return {} if value else dict.fromkeys(("default", "hostname"), "ignore")
    if not isinstance(value, dict | Verify):
        raise ValueError("must be a boolean or a table")
    return value


class ResourceTable(StrictTable):
    """The table `resource`."""

    path: PathText | None = Field(
        None, description="file in format R with the resources; ignored where config is set"
    )
    config: list[Entry] | None = Field(None, description="the resources, an array of tables")
    scheduling: PathText | None = Field(
        None, description="JSON file with data for the scheduler; needs path or config"
    )
    exclude: str | None = Field(
        None, description="ranks or hosts that no job may use, as an idset or a hostlist"
    )
    norestrict: bool = Field(False, description="look beyond this process's cpu mask")
    noverify: bool = Field(False, description="do not compare with what is found")
    rediscover: bool = Field(False, description="look again, whatever the enclosing instance says")
    no_update_watch: bool = Field(False, description="for tests: no updates of R are watched")
    verify: Annotated[Verify, BeforeValidator(_verify)] = Field(
        default_factory=Verify, description="how strictly resources are compared; or a boolean"
    )
    journal_max: Int32 = Field(100000, description="events that the journal keeps")
    history: FSD = Field("90d", description="how long events are kept; inf for ever")


@dataclass(frozen=True, slots=True)
class Resources:
    """An inventory and where it comes from; no inventory where resources are to be discovered."""

    source: str
    inventory: Inventory | None = None


class Resource(ConditionalModule):
    """Knows the instance's hosts, cores and gpus."""

    name = "resource"
    tables = ("resource", "fake-resources")

    class Config(LaxTable):
        """The tables of this module."""

        resource: ResourceTable = Field(default_factory=ResourceTable)
        fake_resources: Annotated[FakeResources | None, AT_START] = None

    config: Config

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        super().__init__(arguments)
        self.resources = Resources("discovery")

    def prepare(self, new: Config, config: Mapping[str, Any]) -> Resources:
        """Take stock of what the candidate describes."""
        rejects: list[Reject] = []
        resources = self._take_stock(new, rejects)
        rejects += self._scheduling(new.resource)
        if self.starting and not rejects:
            rejects += self._at_start(new, config, resources)
        if rejects:
            raise Rejects(rejects)
        return resources

    def commit(self, staged: Resources) -> None:
        """Go by the new inventory."""
        self.resources = staged

    def stats(self) -> dict[str, Any]:
        """Where the resources come from and how many there are; what was said to the module."""
        shown: dict[str, Any] = {
            **super().stats(),
            "source": self.resources.source,
            "history": seconds(self.config.resource.history),
        }
        inventory = self.resources.inventory
        if inventory:
            shown |= {
                "hosts": len(inventory.hosts),
                "cores": inventory.cores,
                "gpus": inventory.gpus,
            }
        return shown

    def _take_stock(self, new: Config, rejects: list[Reject]) -> Resources:
        table = new.resource
        if table.config is not None:
            inventory = of_entries(table.config)
            if isinstance(inventory, Inventory):
                return Resources("config", inventory)
            rejects += [Reject(reject.message, reject.key, "resource") for reject in inventory]
        elif table.path is not None:
            return self._read_r(table.path, rejects)
        elif self.resources.source == "fake-resources" and not self.starting:
            return self.resources  # pretended at start, for good
        elif new.fake_resources is not None and self.starting:
            rejects += fake_resources.objections(new.fake_resources)
            if not rejects:
                return Resources("fake-resources", fake_resources.inventory(new.fake_resources))
        return Resources("discovery")

    def _read_r(self, path: str, rejects: list[Reject]) -> Resources:
        """The file is read also live; that it is in format R matters at start only."""
        document = read_json(path)
        if isinstance(document, str):
            rejects.append(_reject(document, ("path",)))
            return Resources("path")
        inventory = of_r(document)
        if isinstance(inventory, Inventory):
            return Resources("path", inventory)
        if self.starting:
            rejects.append(_reject(f"{path} {inventory}", ("path",)))
        return Resources("path")

    def _scheduling(self, table: ResourceTable) -> list[Reject]:
        if table.scheduling is None:
            return []
        if table.config is None and table.path is None:
            return [_reject("needs path or config", ("scheduling",))]
        document = read_json(table.scheduling)
        return [_reject(document, ("scheduling",))] if isinstance(document, str) else []

    def _at_start(
        self, new: Config, config: Mapping[str, Any], resources: Resources
    ) -> list[Reject]:
        """What flux-core checks only when the module starts."""
        members = self._members(config)
        inventory = resources.inventory if resources.source in ("config", "path") else None
        rejects: list[Reject] = []
        if inventory:
            why = _odd_host(inventory)
            if why is None and members is not None:
                why = _difference(inventory.hosts, members)
            if why:
                rejects.append(_reject(why, (resources.source,)))
        if new.resource.exclude is not None:
            why = excluded(new.resource.exclude, len(members or ("one",)), inventory)
            if why:
                rejects.append(_reject(why, ("exclude",)))
        return rejects

    def _members(self, config: Mapping[str, Any]) -> list[str] | None:
        """The hosts of the instance's brokers, where bootstrap tells; none listed is this one."""
        members = bootstrap.members(config)
        return [self.host_name()] if members == [] else members

    def host_name(self) -> str:
        """The name of this host."""
        return os.uname().nodename


def read_json(path: str) -> dict[str, Any] | list[Any] | str:
    """The object or array in a JSON file, or a sentence that says why there is none."""
    try:
        content = read_file(path, LONGEST_FILE)
    except ValueError as error:
        return str(error)
    try:
        document = json.loads(content.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        return f"{path} is not a JSON file: {error}"
    if not isinstance(document, dict | list):
        return f"{path} is not a JSON file: it holds neither an object nor an array"
    return document


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _reject(message: str, key: Path) -> Reject:
    return Reject(message, key=key, table="resource")


def _difference(described: tuple[str, ...], listed: list[str]) -> str | None:
    """Why the hosts described are not those that bootstrap lists; None where they are."""
    if len(described) != len(listed):
        return f"describes {len(described)} hosts, but bootstrap lists {len(listed)}"
    missing = next(iter(set(listed) - set(described)), None)
    return f"does not describe {missing}, which bootstrap lists" if missing is not None else None


def _odd_host(inventory: Inventory) -> str | None:
    """What no broker could use; flux-core lets it pass live and fails to start with it."""
    odd = next((name for name in inventory.hosts if "[" in name or "]" in name), None)
    if odd is not None:
        return f"names a host with a bracket in its name, {odd}"
    if len(inventory.hosts[0].encode()) >= 270:
        return "gives rank 0 a host name of 270 bytes"
    return None
