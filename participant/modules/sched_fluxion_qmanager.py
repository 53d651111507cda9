# SPDX-License-Identifier: LGPL-3.0-or-later
"""Fluxion's queues: flux-config-sched-fluxion-qmanager(5).  Its table is read at start only."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from participant.module import Reject, Rejects
from participant.modules.tables.base import LaxTable
from participant.modules.tables.conditional import AT_START, ConditionalModule
from participant.modules.tables.fluxion_queues import (
    QmanagerTable,
    findings,
    parent_of,
    real_queues,
)
from participant.settings.field import Field
from protocol.formats.quoted import quoted


class SchedFluxionQmanager(ConditionalModule):
    """Orders the jobs of each queue, where Fluxion is the scheduler."""

    name = "sched-fluxion-qmanager"
    tables = ("sched-fluxion-qmanager",)

    class Config(LaxTable):
        """The table of this module."""

        sched_fluxion_qmanager: Annotated[QmanagerTable, AT_START] = Field(
            default_factory=QmanagerTable
        )

    config: Config
    _queues = 0
    _policy = ""

    def prepare(self, new: Config, config: Mapping[str, Any]) -> None:
        """Refuse at a start what would not load; say, always, what is not what it seems."""
        if self.tables[0] not in config:
            return  # another scheduler's system: what its queues are is not Fluxion's to judge
        said = list(findings(new.sched_fluxion_qmanager, real_queues(config)))
        if self.starting:
            rejects = [
                Reject(finding.message, finding.key, self.tables[0])
                for finding in said
                if finding.refuses
            ]
            rejects += _orphans(config)
            if rejects:
                raise Rejects(rejects)
        for finding in said:
            if not finding.refuses:
                self.warn(finding.message, finding.key, self.tables[0])

    def commit(self, staged: None) -> None:  # noqa: ARG002
        """What the start found is in force until the next one."""
        if self.starting:
            self._policy = self.config.sched_fluxion_qmanager.queue_policy
            self._queues = len(real_queues(self.whole))

    def stats(self) -> dict[str, Any]:
        """By what policy how many queues are scheduled."""
        return {"queue-policy": self._policy, "queues": self._queues or 1}


def _orphans(config: Mapping[str, Any]) -> Iterator[Reject]:
    """Virtual queues without a parent that could stand for them (RFC 33)."""
    queues = config.get("queues")
    if not isinstance(queues, Mapping):
        return
    for name in queues:
        parent = parent_of(queues, name)
        if parent is None:
            continue
        if parent not in queues:
            yield Reject(f"{quoted(parent)} is not a configured queue", (name, "parent"), "queues")
        elif parent_of(queues, parent) is not None:
            yield Reject(f"{quoted(parent)} has a parent itself", (name, "parent"), "queues")
