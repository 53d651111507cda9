# SPDX-License-Identifier: LGPL-3.0-or-later
"""What is loaded at start, and how: the table `modules` of flux-config-modules(5).

In flux-core this is no module but a program, flux-modprobe(1), which the start script runs; what it
refuses breaks the start.  It knows modules, the services that several can provide, and the keys of
a module's entry.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, ConfigDict

from participant.module import Reject, Rejects
from participant.modules.tables.base import LaxTable, StrictTable
from participant.modules.tables.conditional import AT_START, ConditionalModule
from participant.settings.field import Field
from protocol.formats.idset import Ids
from protocol.formats.quoted import quoted

PROVIDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "content-backing": ("content-files", "content-sqlite"),
    "sched": ("sched-simple", "sched-fifo", "sched-backfill"),
    "feasibility": ("sched-simple", "sched-fifo", "sched-backfill"),
}
"""Services and the modules of flux-core 0.88 that provide them."""

KNOWN: Final = frozenset(
    {"heartbeat", "content", "cron", "kvs", "kvs-watch", "sdbus", "sdbus-sys", "sdmon", "sdexec"}
    | {"sdexec-mapper", "resource", "job-manager", "job-info", "job-list", "job-ingest", "job-exec"}
    | {module for modules in PROVIDERS.values() for module in modules}
)
"""Modules that flux-modprobe of flux-core 0.88 loads; others are part of its broker."""


def _ranks(text: str) -> str:
    if text == "all" or re.fullmatch(r"[<>]\s*[+-]?[0-9]+\s*", text):
        return text
    try:
        Ids.parse(text)
    except ValueError:
        raise ValueError(f'{quoted(text)} must be "all", an idset, or as in ">0"') from None
    return text


class ModuleEntry(StrictTable):
    """What may be changed of a module's entry."""

    name: str | None = Field(None, description="another name for the module")
    module: str | None = Field(None, description="what is loaded, where it is not the name")
    args: list[str] | None = Field(None, description="load arguments")
    ranks: Annotated[str, AfterValidator(_ranks)] | None = Field(
        None, description='brokers that load it: "all", an idset, or as in ">0"'
    )
    provides: list[str] | None = Field(None, description="services that it provides")
    requires: list[str] | None = Field(None, description="services that are loaded with it")
    needs: list[str] | None = Field(None, description="services without which it is left out")
    before: list[str] | None = Field(None, description="modules that are loaded later")
    after: list[str] | None = Field(None, description="modules that are loaded earlier")
    priority: int | None = Field(None, description="which of several providers is preferred")
    disabled: bool | None = Field(None, description="not loaded at all")
    exec: bool | None = Field(None, description="runs as a process of its own")


class ModulesTable(StrictTable):
    """The table `modules`: `alternatives`, and an entry for each module that is changed."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, ModuleEntry]

    alternatives: dict[str, str] = Field(
        default_factory=dict, description="service = the module that shall provide it"
    )


class Modprobe(ConditionalModule):
    """Knows which modules are loaded at start."""

    name = "modprobe"
    tables = ("modules",)

    class Config(LaxTable):
        """The table of this module."""

        modules: Annotated[ModulesTable, AT_START] = Field(default_factory=ModulesTable)

    config: Config

    def prepare(self, new: Config, config: Mapping[str, Any]) -> None:  # noqa: ARG002
        """At start, refuse names that nothing stands behind."""
        rejects = list(_unknown(new.modules)) if self.starting else []
        if rejects:
            raise Rejects(rejects)

    def stats(self) -> dict[str, Any]:
        """Which module provides each service."""
        chosen = self.config.modules.alternatives
        return {service: chosen.get(service, first) for service, (first, *_) in PROVIDERS.items()}


def _unknown(table: ModulesTable) -> Iterator[Reject]:
    for service, module in table.alternatives.items():
        if module not in (*PROVIDERS.get(service, ()), *({service} & KNOWN)):
            yield Reject(
                f"no module {quoted(module)} provides {quoted(service)}",
                key=("alternatives", service),
                table="modules",
            )
    for name in table.__pydantic_extra__:
        if name not in KNOWN and name not in PROVIDERS:
            yield Reject("no such module or service", key=(name,), table="modules")
