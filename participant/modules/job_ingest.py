# SPDX-License-Identifier: LGPL-3.0-or-later
"""The entrance for jobs: flux-config-ingest(5); and the same check of queues as job-manager has."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from participant.module import Module, Rejects
from participant.modules.tables.base import LaxTable
from participant.modules.tables.policy import Policy, Queues, objections
from participant.settings.field import Field
from participant.settings.types import ByteSize, Int32, at_most

_WORKERS: Final = 4
"""Of each stage, in Flux."""


class Frobnicator(LaxTable):
    """The table `ingest.frobnicator`: what fills in a job's defaults."""

    disable: bool = Field(False, description="fill in nothing")
    plugins: list[str] = Field(
        default_factory=lambda: ["defaults", "constraints"], description="plugins to run"
    )
    args: list[str] = Field(default_factory=list, description="arguments of the plugins")


class Validator(LaxTable):
    """The table `ingest.validator`: what refuses jobs that are malformed."""

    disable: bool = Field(False, description="refuse nothing")
    plugins: list[str] = Field(default_factory=lambda: ["jobspec"], description="plugins to run")
    args: list[str] = Field(default_factory=list, description="arguments of the plugins")
    require_instance: Any = Field(
        None, description="minnodes and mincores, for the plugin of that name; not looked into"
    )


class IngestTable(LaxTable):
    """The table `ingest`."""

    batch_count: Int32 = Field(0, description="jobs that are handed on together; 0: by time")
    buffer_size: Annotated[ByteSize, at_most(2**31 - 1)] = Field(
        "10M", description="input buffer of a worker, up to 2147483647 bytes"
    )
    frobnicator: Frobnicator = Field(
        default_factory=Frobnicator, description="fills in a job's defaults"
    )
    validator: Validator = Field(default_factory=Validator, description="refuses malformed jobs")


class JobIngest(Module):
    """Takes jobs in: fills in what they leave out, refuses what is malformed."""

    name = "job-ingest"
    tables = ("ingest", "policy", "queues")

    class Config(LaxTable):
        """The tables of this module."""

        ingest: IngestTable = Field(default_factory=IngestTable)
        policy: Policy = Field(default_factory=Policy)
        queues: Queues = Field(
            default_factory=dict, description="the queues, each a table under its name"
        )

    config: Config

    def prepare(self, new: Config, config: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Refuse queues that do not fit together."""
        rejects = objections(new.policy, new.queues)
        if rejects:
            raise Rejects(rejects)

    def stats(self) -> dict[str, Any]:
        """The stages that a job passes, and the input buffer in bytes; no worker is started."""
        ingest = self.config.ingest
        stages: dict[str, Frobnicator | Validator] = {
            "frobnicator": ingest.frobnicator,
            "validator": ingest.validator,
        }
        idle = dict.fromkeys(("running", "requests", "errors", "trash", "backlog"), 0)
        return {
            "pipeline": {name: {**idle, "pids": [0] * _WORKERS} for name in stages},
            "plugins": {
                name: [] if stage.disable else stage.plugins for name, stage in stages.items()
            },
            "buffer-size": ingest.buffer_size,
        }
