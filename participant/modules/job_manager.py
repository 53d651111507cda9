# SPDX-License-Identifier: LGPL-3.0-or-later
"""The job manager: flux-config-job-manager(5), and its part of `access`, `policy` and `queues`."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from participant.module import Reject, Rejects
from participant.modules.tables import jobtap
from participant.modules.tables.access import GuestAccess
from participant.modules.tables.base import LaxTable, StrictTable
from participant.modules.tables.conditional import AT_START, ConditionalModule, only_when
from participant.modules.tables.counters import seconds
from participant.modules.tables.jobtap import Epilog, Perilog, Plugin, Prolog
from participant.modules.tables.policy import Policy, Queues, objections
from participant.settings.field import Field
from participant.settings.types import FSD, Int32, at_least

_PERILOG: Final = "perilog.so is loaded"
_IF_PERILOG = only_when(_PERILOG)


def _not_empty(command: list[str]) -> list[str]:
    if not command:
        raise ValueError("must not be empty")
    return command


class Housekeeping(StrictTable):
    """The table `job-manager.housekeeping`: what runs on a job's hosts once it is gone."""

    command: Annotated[list[str], AfterValidator(_not_empty)] | None = Field(
        None, description="what to run; default: the IMP of exec.imp, told to run housekeeping"
    )
    release_after: FSD | None = Field(
        None, description="time after which hosts that are done are released one by one"
    )
    exit_on_first_error: bool = Field(False, description="stop a script at its first error")
    use_systemd_unit: bool = Field(False, description="deprecated, ignored")


class JobManagerTable(LaxTable):
    """The table `job-manager`."""

    inactive_age_limit: FSD | None = Field(
        None, description="age at which finished jobs are forgotten; default: never"
    )
    inactive_num_limit: Annotated[Int32, at_least(-1)] = Field(
        -1, description="finished jobs that are remembered; -1 for all"
    )
    stop_queues_on_restart: bool = Field(False, description="queues are stopped after a restart")
    plugins: Annotated[list[Plugin], AT_START] = Field(
        default_factory=list, description="plugins to load and remove; read at start only"
    )
    housekeeping: Housekeeping | None = Field(None, description="what runs after jobs; or absent")
    perilog: Annotated[Perilog, _IF_PERILOG] = Field(
        default_factory=Perilog, description="read while perilog.so is loaded"
    )
    prolog: Annotated[Prolog | None, _IF_PERILOG] = Field(
        None, description="what runs before jobs; read while perilog.so is loaded"
    )
    epilog: Annotated[Epilog | None, _IF_PERILOG] = Field(
        None, description="what runs after jobs; read while perilog.so is loaded"
    )


class JobManager(ConditionalModule):
    """Keeps the jobs: takes them in, queues them, and forgets them when they are old."""

    name = "job-manager"
    tables = ("job-manager", "access", "policy", "queues")

    class Config(LaxTable):
        """The tables of this module."""

        job_manager: JobManagerTable = Field(default_factory=JobManagerTable)
        access: GuestAccess = Field(default_factory=GuestAccess)
        policy: Policy = Field(default_factory=Policy)
        queues: Queues = Field(
            default_factory=dict, description="the queues, each a table under its name"
        )

    config: Config

    def __init__(self, arguments: Mapping[str, str] | None = None) -> None:
        super().__init__(arguments)
        self.plugins: list[str] = []

    def conditions(self, config: Mapping[str, Any]) -> frozenset[str]:
        """Perilog's tables count while perilog is loaded; at start, if it is about to be."""
        loaded = jobtap.loads_perilog(config) if self.starting else jobtap.PERILOG in self.plugins
        return super().conditions(config) | ({_PERILOG} if loaded else set())

    def prepare(self, new: Config, config: Mapping[str, Any]) -> list[str]:
        """The plugins that are loaded once the candidate is in force."""
        rejects = objections(new.policy, new.queues)
        plugins: list[str] = self.plugins
        if self.starting:
            loaded = jobtap.loaded_after(new.job_manager.plugins)
            plugins = [plugin for plugin in loaded if isinstance(plugin, str)]
            rejects += [plugin for plugin in loaded if isinstance(plugin, Reject)]
        if not _has_imp(config):
            perilog = _PERILOG in self.conditions(config)
            rejects += _need_imp(new.job_manager, ("prolog", "epilog") if perilog else ())
        if rejects:
            raise Rejects(rejects)
        return plugins

    def commit(self, staged: list[str]) -> None:
        """Remember the plugins, which later changes leave alone."""
        self.plugins = staged

    def stats(self) -> dict[str, Any]:
        """How many queues there are, and which plugins; no job is known."""
        children = sum(queue.parent is not None for queue in self.config.queues.values())
        housekeeping = self.config.job_manager.housekeeping or Housekeeping()
        return {
            "journal": {"listeners": 0, "events": 0},
            "active_jobs": 0,
            "inactive_jobs": 0,
            "max_jobid": 0,
            "housekeeping": {
                "running": {},
                "config": {
                    "release-after": seconds(housekeeping.release_after),
                    "command": " ".join(housekeeping.command or ()),
                },
            },
            "queues": len(self.config.queues),
            "queues-with-parent": children,
            "default-queue": self.config.policy.jobspec.defaults.system.queue,
            "plugins": self.plugins,
        }


def _has_imp(config: Mapping[str, Any]) -> bool:
    """Returns True if `exec.imp` names a helper; job-exec answers for the rest of that table."""
    table = config.get("exec")
    return isinstance(table, Mapping) and isinstance(table.get("imp"), str)


def _need_imp(table: JobManagerTable, of_perilog: tuple[str, ...]) -> Iterator[Reject]:
    """The tables whose command must be given, because there is no IMP to run it by default."""
    for key in ("housekeeping", *of_perilog):
        wanted = getattr(table, key)
        if wanted is not None and wanted.command is None:
            yield Reject(
                "needs a command, or exec.imp to run the default one", (key,), "job-manager"
            )
