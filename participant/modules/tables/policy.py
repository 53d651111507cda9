# SPDX-License-Identifier: LGPL-3.0-or-later
"""The tables `policy` and `queues`: flux-config-policy(5) and flux-config-queues(5).

Both job-manager and job-ingest answer for them, with the same check; it stands here once.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, TypeAlias

from participant.module import Reject
from participant.modules.tables.base import StrictTable
from participant.settings.field import Field
from participant.settings.types import FSD, Int32, at_least, without
from protocol.formats.quoted import quoted
from protocol.keys import Path

Limit: TypeAlias = Annotated[Int32, at_least(-1)]
Property: TypeAlias = Annotated[str, without(" \t!&'\"`|()")]


class SystemDefaults(StrictTable):
    """What a job gets that does not ask."""

    duration: FSD | None = Field(None, description="duration of a job that names none")
    queue: str | None = Field(None, description="queue of a job that names none")


class Defaults(StrictTable):
    """Defaults for jobspec attributes."""

    system: SystemDefaults = Field(default_factory=SystemDefaults, description="system attributes")


class JobspecPolicy(StrictTable):
    """What is filled in."""

    defaults: Defaults = Field(default_factory=Defaults, description="defaults of attributes")


class Sizes(StrictTable):
    """Bounds of a job's size, one for each kind of resource."""

    nnodes: Limit = Field(-1, description="nodes; -1 for no limit")
    ncores: Limit = Field(-1, description="cores; -1 for no limit")
    ngpus: Limit = Field(-1, description="gpus; -1 for no limit")


class JobSize(StrictTable):
    """Bounds of a job's size."""

    max: Sizes = Field(default_factory=Sizes, description="the most that a job may ask for")
    min: Sizes = Field(default_factory=Sizes, description="the least that a job must ask for")


class Limits(StrictTable):
    """What a job must keep within."""

    duration: FSD | None = Field(None, description="longest duration; 0 for no limit")
    job_size: JobSize = Field(default_factory=JobSize, description="smallest and largest jobs")


class AccessPolicy(StrictTable):
    """Who may submit; accepted, without effect here."""

    allow_user: list[str] = Field(default_factory=list, description="users that may submit")
    allow_group: list[str] = Field(default_factory=list, description="groups that may submit")


class Policy(StrictTable):
    """The table `policy`, also within a queue."""

    jobspec: JobspecPolicy = Field(default_factory=JobspecPolicy, description="what is filled in")
    limits: Limits = Field(default_factory=Limits, description="what a job must keep within")
    access: AccessPolicy = Field(default_factory=AccessPolicy, description="who may submit")
    scheduler: Any = Field(None, description="for the scheduler; never looked into")


class Queue(StrictTable):
    """One queue."""

    requires: list[Property] | None = Field(
        None, description="properties that the queue's hosts must have"
    )
    policy: Policy = Field(default_factory=Policy, description="what differs from the policy table")
    parent: str | None = Field(
        None, description="queue whose hosts this one shares; it must have no parent itself"
    )


Queues: TypeAlias = dict[str, Queue]


def objections(policy: Policy, queues: Mapping[str, Queue]) -> list[Reject]:
    """All that is wrong between the two tables, beyond types."""
    rejects: list[Reject] = []
    default = policy.jobspec.defaults.system.queue
    if default is not None and default not in queues:
        rejects.append(
            Reject(
                f"{quoted(default)} is not a configured queue",
                key=("jobspec", "defaults", "system", "queue"),
                table="policy",
            )
        )
    for name, queue in queues.items():
        faults = (*_faults(queue), *_faults_of_child(queue, queues))
        rejects += [Reject(message, key=(name, *key), table="queues") for key, message in faults]
    return rejects


def _faults(queue: Queue) -> Iterator[tuple[Path, str]]:
    if queue.policy.jobspec.defaults.system.queue is not None:
        yield (
            ("policy", "jobspec", "defaults", "system", "queue"),
            "is not allowed here: a queue has no default queue",
        )


def _faults_of_child(queue: Queue, queues: Mapping[str, Queue]) -> Iterator[tuple[Path, str]]:
    if queue.parent is None:
        return
    parent = queues.get(queue.parent)
    if parent is None:
        yield ("parent",), f"{quoted(queue.parent)} is not a configured queue"
    elif parent.parent is not None:
        yield ("parent",), f"{quoted(queue.parent)} has a parent itself"
    if queue.requires is not None:
        yield ("requires",), "is not allowed in a queue with a parent, whose hosts it shares"
    if "scheduler" in queue.policy.model_fields_set:
        yield ("policy", "scheduler"), "is not allowed in a queue with a parent"
