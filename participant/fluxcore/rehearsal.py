# SPDX-License-Identifier: LGPL-3.0-or-later
"""Rehearsal: Flux's own modules are given a candidate, in an instance that is thrown away.

The modules of flux-core can say what they think of a configuration only by taking it into use.  So
a broker is started beside the real one, with the same modules and what is in force; they are given
the candidate, all at once, and say all their reasons; the broker ends.  A rehearsal that cannot be
held is no verdict: it is a warning, never a yes or a no.

What it cannot know: the arguments with which modules were loaded (module.list does not tell), and
modules that are not Flux's own, whose code would act on the world outside a second time.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from participant.fluxcore.flux_text import reasons_in
from participant.judging import Judgement
from protocol.configuration import EMPTY, Configuration
from protocol.reasons import Reason, bounded

ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    "heartbeat": (),
    "content": (),
    "content-sqlite": (),
    "kvs": (),
    "kvs-watch": (),
    "sdbus": (),
    "sdexec": (),
    "resource": ("noverify",),
    "job-manager": (),
    "job-info": (),
    "job-list": (),
    "job-ingest": (),
    "job-exec": (),
}
"""Flux's own modules that a rehearsal loads, in this order, with these arguments."""

BUILT_IN: Final = ("connector-local", "overlay")
"""Part of every broker, so not loaded, and asked all the same."""

USUAL: Final = tuple(name for name in ORDER if name not in ("sdbus", "sdexec"))
"""What an instance without systemd loads."""

_CLIENT: Final = Path(__file__).with_name("rehearsal_client.py")
_LOG_BYTES: Final = 2000
_LEAVE_SECONDS: Final = 2.0
"""Time that an instance has to end by itself once all is said."""


class NoRehearsal(Exception):
    """It could not be held; the text says why."""


class Rehearsed(NamedTuple):
    """What came of a rehearsal."""

    said: Mapping[str, Judgement] = {}
    """Of the modules that were asked, their own reasons; none is a yes."""
    not_asked: Mapping[str, str] = {}
    """Of the other modules, why not."""
    why_none: str = ""
    """Why there was no rehearsal at all; then `said` is empty."""
    seconds: float = 0.0

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """All modules' reasons."""
        return tuple(reason for judgement in self.said.values() for reason in judgement.reasons)

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """What could not be rehearsed, for whoever makes the change."""
        if self.why_none:
            return (Reason("rehearsal", f"could not be held: {self.why_none}"),)
        return tuple(
            Reason(name, f"could not be rehearsed: {why}") for name, why in self.not_asked.items()
        )


def rehearse(
    flux: str,
    modules: Iterable[str],
    in_force: Configuration,
    candidate: Configuration,
    seconds: float,
) -> Rehearsed:
    """What Flux's own modules of these names say to `candidate`, after at most `seconds`.

    `flux` is the path of the real command.  Blocks; nothing of the instance is left when it
    returns.  Raises nothing: what goes wrong is in `why_none`.
    """
    began = time.monotonic()
    try:
        with Stage(flux, modules, in_force, seconds) as stage:
            said = stage.give(candidate)
            return Rehearsed(said, stage.not_asked, seconds=time.monotonic() - began)
    except NoRehearsal as error:
        return Rehearsed(why_none=str(error), seconds=time.monotonic() - began)


class Stage:
    """A throw-away instance of one broker, on which candidates are given one after the other."""

    def __init__(
        self,
        flux: str,
        modules: Iterable[str],
        in_force: Configuration = EMPTY,
        seconds: float = 10.0,
    ) -> None:
        """Start it; `seconds` is for all that follows, up to the next `extend`.

        Raises NoRehearsal.
        """
        names = set(modules)
        self.not_asked = dict.fromkeys(
            sorted(names - ORDER.keys() - set(BUILT_IN)),
            "only flux-core's own modules are loaded twice",
        )
        self._deadline = time.monotonic() + seconds
        self._buffer = b""
        self._directory = Path(tempfile.mkdtemp(prefix="flux-accord-rehearsal-"))
        try:
            self._process = self._start(flux)
        except OSError as error:
            shutil.rmtree(self._directory, ignore_errors=True)
            raise NoRehearsal(f"{flux}: {error.strerror}") from None
        try:
            answer = self._ask({
                "load": [(name, name, given) for name, given in ORDER.items() if name in names],
                "ask": [*BUILT_IN, *(name for name in ORDER if name in names)],
                "in-force": in_force.plain(),
                "seconds": seconds / 2,
            })  # fmt: skip
        except BaseException:
            self.close()
            raise
        self.asked: list[str] = answer["asked"]
        self.not_asked.update(answer["failed"])
        self.stuck: list[str] = []
        """Modules that did not go back to what is in force after the last candidate."""

    def _start(self, flux: str) -> "subprocess.Popen[bytes]":
        rundir = self._directory / "run"
        rundir.mkdir(mode=0o700)
        settings = {
            "broker.rc1_path": "",
            "broker.rc3_path": "",
            "broker.module-nopanic": "1",  # a module that dies is a module that was not asked
            "rundir": str(rundir),
            "statedir": str(self._directory),
            "log-stderr-level": "3",
        }
        options = [f"-S{name}={value}" for name, value in settings.items()]
        empty = self._directory / "empty.json"
        empty.write_text("{}")
        command = [flux, "start", f"--config-path={empty}", *options]
        with (self._directory / "log").open("wb") as log:
            return subprocess.Popen(
                [*command, flux, "python", str(_CLIENT)], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, env=_outside(), cwd=self._directory,
                start_new_session=True,
            )  # fmt: skip

    def extend(self, seconds: float) -> None:
        """Allow so much time from now on."""
        self._deadline = time.monotonic() + seconds

    def give(self, candidate: Configuration) -> dict[str, Judgement]:
        """What the modules say, each its own reasons; they then run what is in force again.

        Raises NoRehearsal.
        """
        answer = self._ask(candidate.plain())
        self.stuck = answer["stuck"]
        return {
            name: Judgement(bounded(reasons_in(name, text, candidate)) if text is not None else ())
            for name, text in answer["said"].items()
        }

    # The instance

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """One line each way.  Raises NoRehearsal."""
        assert self._process.stdin is not None
        try:
            self._write(json.dumps(question).encode() + b"\n")
            line = self._line()
            answer: dict[str, Any] = json.loads(line)
        except (BrokenPipeError, ValueError):
            raise NoRehearsal(f"the instance ended: {self._log()}") from None
        return answer

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        descriptor = self._process.stdin.fileno()
        os.set_blocking(descriptor, False)
        while data:
            _, ready, _ = select.select([], [descriptor], [], self._time_left())
            if not ready:
                raise NoRehearsal(f"not done in time: {self._log()}")
            data = data[os.write(descriptor, data) :]

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([descriptor], [], [], self._time_left())
            if not ready:
                raise NoRehearsal(f"not done in time: {self._log()}")
            data = os.read(descriptor, 1 << 16)
            if not data:
                raise BrokenPipeError
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _time_left(self) -> float:
        return max(0.0, self._deadline - time.monotonic())

    def _log(self) -> str:
        """What the broker said last, on one line; or that it said nothing."""
        with contextlib.suppress(OSError):
            text = (self._directory / "log").read_bytes()[-_LOG_BYTES:].decode(errors="replace")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            if lines:
                return "; ".join(lines[-3:])
        return "it said nothing"

    def close(self) -> None:
        """Have nothing left of it: politely first, by force where that takes too long."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(min(_LEAVE_SECONDS, max(0.1, self._time_left())))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _outside() -> dict[str, str]:
    """The environment without the instance and the job in which this process runs."""
    inside = ("FLUX_URI", "FLUX_JOB", "FLUX_TASK", "FLUX_KVS", "FLUX_START", "FLUX_PARENT", "PMI")
    return {name: value for name, value in os.environ.items() if not name.startswith(inside)}
