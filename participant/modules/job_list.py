# SPDX-License-Identifier: LGPL-3.0-or-later
"""The list of jobs: flux-config-job-list(5), and what it reads of `access` and `queues`."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from participant.module import Module, Reject, Rejects
from participant.modules.tables.access import GuestAccess
from participant.modules.tables.base import LaxTable
from participant.settings.field import Field
from participant.settings.types import at_least


class JobListTable(LaxTable):
    """The table `job-list`."""

    max_comparisons: Annotated[int, at_least(0)] = Field(
        1000000,
        alias="max_comparisons",
        description="work that one query may cause, in comparisons; 0 for any",
    )


class JobList(Module):
    """Answers questions about jobs."""

    name = "job-list"
    tables = ("job-list", "access")

    class Config(LaxTable):
        """The tables of this module."""

        job_list: JobListTable = Field(default_factory=JobListTable)
        access: GuestAccess = Field(default_factory=GuestAccess)

    config: Config

    def prepare(self, new: Config, config: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Refuse queues whose parents cannot be read; all else about queues is job-manager's."""
        rejects = list(_odd_parents(config.get("queues")))
        if rejects:
            raise Rejects(rejects)

    def stats(self) -> dict[str, Any]:
        """What a query may cost, and what guests see; no job is known."""
        return {
            "jobs": {"pending": 0, "running": 0, "inactive": 0},
            "idsync": {"lookups": 0, "waits": 0},
            "stats_watchers": 0,
            "max_comparisons": self.config.job_list.max_comparisons,
            "private-mode": self.config.access.private_mode,
        }


def _odd_parents(queues: Any) -> Iterator[Reject]:
    for name, queue in queues.items() if isinstance(queues, Mapping) else ():
        parent = queue.get("parent", "") if isinstance(queue, Mapping) else ""
        if not isinstance(parent, str):
            yield Reject("must be a string", key=(name, "parent"), table="queues")
