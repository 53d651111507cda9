# SPDX-License-Identifier: LGPL-3.0-or-later
"""An instance of flux-core with one broker, made for a few questions and thrown away.

Whatever becomes of it, and of whoever asks, nothing of it is left: a shell around it removes its
directory, the program in it ends at the end of its stdin, and who waits too long kills the lot.
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
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from protocol import limits

_CLIENT: Final = Path(__file__).with_name("rehearsal_client.py")
_SHELL: Final = 'directory=$1; shift; "$@"; status=$?; rm -rf "$directory"; exit $status'
_LOG_LINES: Final = 3
_LOG_BYTES: Final = 2000
_LEAVE_SECONDS: Final = 2.0
"""Time that an instance has to end by itself once all is said."""

_SETTINGS: Final = {
    "broker.rc1_path": "",
    "broker.rc3_path": "",
    "broker.module-nopanic": "1",  # a module that dies is a module that was not asked
    "log-stderr-level": "3",
}


class NoRehearsal(Exception):
    """It could not be held; the text says why."""


class ThrowAway:
    """The instance, and rehearsal_client.py in it, which answers a line with a line."""

    def __init__(self, flux: str, deadline: float) -> None:
        """Start it with the command `flux`.  `deadline`: of time.monotonic(); it can be moved.

        Raises NoRehearsal.
        """
        self.deadline = deadline
        self._buffer = b""
        if not os.access(flux, os.X_OK):
            raise NoRehearsal(f"{flux}: there is no such program")
        try:
            self._directory = Path(tempfile.mkdtemp(prefix="flux-accord-rehearsal-"))
        except OSError as error:
            raise NoRehearsal(f"no temporary directory can be made: {error.strerror}") from None
        try:
            self._log = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115 (close)
            self._process = self._start(flux)
        except OSError as error:
            shutil.rmtree(self._directory, ignore_errors=True)
            raise NoRehearsal(f"{flux}: {error.strerror}") from None

    def _start(self, flux: str) -> "subprocess.Popen[bytes]":
        (self._directory / "run").mkdir(mode=0o700)
        empty = self._directory / "empty.json"
        empty.write_text("{}")
        places = {"rundir": str(self._directory / "run"), "statedir": str(self._directory)}
        options = [f"-S{name}={value}" for name, value in {**_SETTINGS, **places}.items()]
        command = [flux, "start", f"--config-path={empty}", *options]
        return subprocess.Popen(
            ["/bin/sh", "-c", _SHELL, "sh", self._directory, *command, flux, "python", _CLIENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_outside(),
            cwd="/",
            start_new_session=True,
        )

    def ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """One line each way.  Raises NoRehearsal."""
        try:
            self._write(json.dumps(question).encode() + b"\n")
            answer = json.loads(self._line())
        except BrokenPipeError:
            raise NoRehearsal(f"the instance ended: {self._said()}") from None
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise NoRehearsal(f"the instance gave no answer that can be read: {self._said()}")
        return answer

    def _write(self, text: bytes) -> None:
        assert self._process.stdin is not None
        descriptor = self._process.stdin.fileno()
        os.set_blocking(descriptor, False)
        rest = memoryview(text)
        while rest:
            self._wait(descriptor, select.POLLOUT)
            with contextlib.suppress(BlockingIOError):
                rest = rest[os.write(descriptor, rest) :]

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            self._wait(descriptor, select.POLLIN)
            data = os.read(descriptor, 1 << 16)
            if not data:
                raise BrokenPipeError
            self._buffer += data
            if len(self._buffer) > limits.REHEARSAL_ANSWER_BYTES:
                raise ValueError("too long")
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _wait(self, descriptor: int, event: int) -> None:
        """Until it can be read or written.  Raises NoRehearsal at the deadline."""
        poll = select.poll()
        poll.register(descriptor, event)
        left = self.time_left
        if not left or not poll.poll(1000 * left):  # what is late is late, be it there or not
            raise NoRehearsal(f"not done in time: {self._said()}")

    @property
    def time_left(self) -> float:
        """Seconds to the deadline."""
        return max(0.0, self.deadline - time.monotonic())

    def _said(self) -> str:
        """The last lines of its log."""
        with contextlib.suppress(OSError):
            size = os.fstat(self._log.fileno()).st_size
            text = os.pread(self._log.fileno(), _LOG_BYTES, max(0, size - _LOG_BYTES))
            lines = [line.strip() for line in text.decode(errors="replace").splitlines()]
            if any(lines):
                return "; ".join([line for line in lines if line][-_LOG_LINES:])
        return "it said nothing"

    def close(self) -> None:
        """Have nothing left of it: politely first, by force where that takes too long."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(min(_LEAVE_SECONDS, max(0.1, self.time_left)))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()
        self._log.close()
        shutil.rmtree(self._directory, ignore_errors=True)


def _outside() -> dict[str, str]:
    """The environment without the instance and the job in which this process runs."""
    inside = ("FLUX_URI", "FLUX_JOB", "FLUX_TASK", "FLUX_KVS", "FLUX_START", "FLUX_PARENT", "PMI")
    return {name: value for name, value in os.environ.items() if not name.startswith(inside)}
