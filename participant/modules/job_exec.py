# SPDX-License-Identifier: LGPL-3.0-or-later
"""The job execution service: flux-config-exec(5)."""

import math
import re
import signal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from participant.module import Module
from participant.modules.tables.base import LaxTable
from participant.modules.tables.counters import seconds
from participant.settings.field import Field
from participant.settings.types import FSD, MORE_THAN_ZERO, Int32, PathText, at_least, one_of
from protocol.formats.quoted import quoted

SIGNALS: Final = frozenset(
    name for name in signal.Signals.__members__ if not name.startswith("SIGRT")
)
"""Names of signals, without the realtime ones."""

_LONGEST_PAUSE: Final = 300.0
"""Seconds between two kills, at most."""


def _signal(text: str) -> str:
    known = text in SIGNALS or f"SIG{text}" in SIGNALS
    if not known and not re.fullmatch("0*[1-9][0-9]*", text):
        raise ValueError(
            f"{quoted(text)} is not a signal: write its name in capitals or its number"
        )
    return text


def _none_is_never(value: Any) -> Any:
    return "infinity" if value == "none" else value


Signal = Annotated[str, AfterValidator(_signal)]


class TestExec(LaxTable):
    """The table `exec.testexec`: jobs that only pretend to run."""

    __test__ = False  # not a test class, whatever pytest reads in its name

    allow_guests: bool = Field(False, description="guests may run pretended jobs, too")


class JobExec(Module):
    """Runs jobs on the hosts they were given."""

    name = "job-exec"
    table = "exec"

    class Config(LaxTable):
        """The table `exec`."""

        imp: PathText | None = Field(None, description="helper that starts jobs of other users")
        job_shell: PathText | None = Field(None, description="job shell; default: the built-in one")
        service: str = Field("rexec", description="service that starts processes: rexec or sdexec")
        method: Annotated[str, one_of("bulk-exec", "bgexec")] = Field(
            "bulk-exec", description="how job shells are started: bulk-exec or bgexec"
        )
        kill_timeout: Annotated[FSD, MORE_THAN_ZERO] = Field(
            "5s", description="time between term-signal and kill-signal"
        )
        max_kill_count: Annotated[Int32, at_least(1)] = Field(
            8, description="kills of a job that does not die, before its nodes are drained"
        )
        max_kill_timeout: Annotated[FSD, MORE_THAN_ZERO] | None = Field(
            None, description="time of killing, before the nodes are drained; or by count"
        )
        term_signal: Signal = Field("SIGTERM", description="signal that asks a job to end")
        kill_signal: Signal = Field("SIGKILL", description="signal that ends it")
        barrier_timeout: FSD = Field("30m", description="time for all shells to start; 0 for any")
        shell_exit_timeout: Annotated[
            FSD, BeforeValidator(_none_is_never), WithJsonSchema({"type": "string"})
        ] = Field(
            "30s",
            description='time for the last shell to exit after the first; "none" for any',
        )
        max_start_delay_percent: float = Field(
            25.0, description="lateness of the last shell, in percent, that is worth a warning"
        )
        sdexec_properties: dict[str, str] = Field(
            default_factory=dict, description="systemd properties of all jobs; strings"
        )
        sdexec_stop_timer_sec: Int32 | None = Field(
            None, description="seconds until a unit that is stopping gets the stop signal"
        )
        sdexec_stop_timer_signal: Int32 = Field(10, description="the stop signal, a number")
        sdexec_constrain_resources: bool = Field(
            False, description="let systemd hold jobs to their cores and devices"
        )
        testexec: TestExec = Field(
            default_factory=TestExec, description="jobs that only pretend to run"
        )

    config: Config

    def stats(self) -> dict[str, Any]:
        """How jobs are started and ended, times in seconds; no job is run."""
        config = self.config
        longest = _longest_kill(config)
        stop = config.sdexec_stop_timer_sec
        own: dict[str, Any] = {
            "default_cwd": "/tmp",
            "default_job_shell": config.job_shell or "flux-shell",
            "exec_service": config.service,
            "default_barrier_timeout": seconds(config.barrier_timeout),
            "shell_exit_timeout": seconds(config.shell_exit_timeout),
            "sdexec_stop_timer_sec": _whole(longest) if stop is None or stop < 0 else stop,
            "sdexec_stop_timer_signal": config.sdexec_stop_timer_signal,
            "sdexec_constrain_resources": int(config.sdexec_constrain_resources),
        }
        if config.imp is not None:
            own["flux_imp_path"] = config.imp
        if config.sdexec_properties:
            own["sdexec_properties"] = config.sdexec_properties
        return {
            "method": config.method,
            "kill-timeout": seconds(config.kill_timeout),
            "term-signal": _signal_name(config.term_signal),
            "kill-signal": _signal_name(config.kill_signal),
            "max-kill-count": config.max_kill_count,
            "max-kill-timeout": seconds(config.max_kill_timeout),
            "effective-max-kill-timeout": seconds(longest),
            "jobs": {},
            "config": own,
        }


def _longest_kill(config: JobExec.Config) -> float:
    """Seconds until nodes are drained: job_exec_max_kill_timeout in job-exec.c."""
    if config.max_kill_timeout is not None:
        return config.max_kill_timeout
    pause = config.kill_timeout
    longest = 5 * pause
    for doubled in range(1, config.max_kill_count):
        if pause >= _LONGEST_PAUSE:  # from here on each is as long as the last
            return longest + (config.max_kill_count - doubled) * pause
        longest += pause
        pause = min(2 * pause, _LONGEST_PAUSE)
    return longest


def _whole(value: float) -> int:
    return math.ceil(value) if math.isfinite(value) else -1


def _signal_name(text: str) -> str:
    """`SIGTERM`, whichever way it is written; a number that is none's as it is."""
    if text.isdigit():
        number = int(text)
        names = {known.value: known.name for known in signal.Signals}
        return names.get(number, text)
    return text if text.startswith("SIG") else f"SIG{text}"
